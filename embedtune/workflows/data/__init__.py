"""`embedtune data ...`: one file per command."""
