"""One file per target: PRECISIONS, RUNS_ON (what its example needs), FILE, and `write`."""
