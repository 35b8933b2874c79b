"""`embedtune cluster`: rows in, a cluster for each, and what the clusters are about."""
