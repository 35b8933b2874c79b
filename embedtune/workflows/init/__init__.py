"""`embedtune init`: a first recipe for the data at hand, and the next three commands."""
