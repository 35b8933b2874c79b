"""What a run decides before its first step: its course, its texts, its dev evaluations, and how long it will take."""
