"""What people look up: every key of a recipe, and what losses are called elsewhere."""
