"""Domains that are learned one after the other, each as one ordinary run."""
