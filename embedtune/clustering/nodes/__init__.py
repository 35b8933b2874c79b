"""Vectors of nodes that know their neighbours: smoothed, or learned."""
