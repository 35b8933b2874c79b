"""What `embedtune train` does, part by part."""
