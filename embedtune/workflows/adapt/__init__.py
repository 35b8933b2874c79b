"""`embedtune adapt`: `run` checks and reads, `stages` fits, tests and saves."""
