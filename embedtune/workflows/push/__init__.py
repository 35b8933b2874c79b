"""`embedtune push`."""
