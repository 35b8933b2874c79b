"""Training a cross-encoder, which reranks what an encoder finds and can teach one."""
