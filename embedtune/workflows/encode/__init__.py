"""`embedtune encode`: `run` is the entry, `result` is what it leaves."""
