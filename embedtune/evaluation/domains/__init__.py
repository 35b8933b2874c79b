"""Domains that are learned one after the other, as they are judged."""
