"""`embedtune data queries`: questions for a corpus."""
