"""`embedtune merge`: `run` is the entry, `judged` reads the data, `choice` finds alpha."""
