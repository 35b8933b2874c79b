"""Models with a side for queries and a side for documents."""
