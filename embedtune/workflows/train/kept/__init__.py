"""What is left of a gain elsewhere: on the guard (`keeping`), and beside BM25 (`beside_words`)."""
