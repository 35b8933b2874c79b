"""`embedtune export`: `run` checks, writes and gates, `parity` measures, `measured_on` finds the texts."""
