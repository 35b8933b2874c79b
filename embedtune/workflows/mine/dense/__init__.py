"""Candidates by vectors: `finding` searches the blocks of queries, `shards` is what a worker does with one of them."""
