"""Sections about the vectors themselves: their space, and what smaller ones lose."""
