"""Two encoders on the same texts: `sides` opens an encoder or a file of vectors, `texts` reads what both encode."""
