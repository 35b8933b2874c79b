"""`embedtune doctor`: `run` is the entry."""
