"""`embedtune evaluate`: `run` is the entry, `tasks/` holds a file per kind of set, `result` is what it leaves."""
