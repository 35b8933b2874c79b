"""`embedtune runs`: what runs there are, how well they did, and what they take on disk."""
