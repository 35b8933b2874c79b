"""What `--dry-run` says: the data are read, no model is loaded, and time, memory and disk are foretold roughly."""
