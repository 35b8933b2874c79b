"""Domains that are learned one after the other: their rows and queries, and what is kept of each."""
