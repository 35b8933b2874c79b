"""Second models that judge the candidates of a mining job: a guide, a cross-encoder, a file of scores."""
