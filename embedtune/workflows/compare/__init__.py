"""What `embedtune compare` does, part by part."""
