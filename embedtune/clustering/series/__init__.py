"""Time series: distances that allow shifts and stretches, and means under them."""
