"""What a run keeps for its later sessions, besides its checkpoints."""
