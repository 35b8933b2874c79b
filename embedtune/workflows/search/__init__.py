"""`embedtune search`: `run` opens a corpus, which then answers queries."""
