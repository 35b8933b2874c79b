"""Hard negatives: what may be one, which of them to take, and which of them a person should look at."""
