"""What is clustered: rows of a source, links between them, series, and vectors."""
