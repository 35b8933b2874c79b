"""`embedtune compare`: `run` is the entry, `result` is what a comparison leaves."""
