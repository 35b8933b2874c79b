"""`embedtune mine`: `run` is the entry, `stages` puts the stages in order, `result` is what a job leaves."""
