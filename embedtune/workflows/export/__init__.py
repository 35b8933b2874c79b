"""`embedtune export`: `run` checks and reads, `stages` writes and gates, `parity` measures."""
