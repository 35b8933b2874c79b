"""What `embedtune evaluate` does, part by part."""
