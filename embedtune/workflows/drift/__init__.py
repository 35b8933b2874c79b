"""`embedtune drift`: `run` compares, `verdict` says what follows."""
