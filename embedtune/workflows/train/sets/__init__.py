"""Scores on every set of a run: those that choose a model, and those that judge it."""
