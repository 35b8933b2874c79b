"""`embedtune check`: `run` is the entry, `result` is what a check leaves."""
