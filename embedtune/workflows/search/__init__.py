"""`embedtune search`: `run` is the entry, `result` is the corpus that it opens."""
