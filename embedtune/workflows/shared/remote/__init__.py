"""Outputs at an address: `destination` writes them there, whole."""
