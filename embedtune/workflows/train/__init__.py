"""What `embedtune train` does, part by part: `plan`, `run`, then the `stages` of a run."""
