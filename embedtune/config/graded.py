"""Which scored pairs belong together."""

ALIKE = 0.8
"""From this share of the highest score on, the two texts of a scored pair belong together; below it, a pair is neither
a positive nor a negative."""
