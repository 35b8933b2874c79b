"""Hard negatives: what may be one, which ones to take, and which ones a person should check."""
