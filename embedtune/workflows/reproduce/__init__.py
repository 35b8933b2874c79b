"""`embedtune reproduce`."""
