"""Graphs of neighbours and links as sparse matrices, and what is measured on them."""
