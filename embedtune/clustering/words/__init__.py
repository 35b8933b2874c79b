"""Words that name a cluster."""
