"""`embedtune train --task reranker`: a cross-encoder that reranks what the encoder finds, with the same verdict."""
