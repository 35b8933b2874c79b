"""Batches without padding: texts laid end to end, attention within each."""
