"""Cross-encoders: models that read a query and a document together and give the pair a score."""
