"""How well clusters agree with labels, and how well they are separated."""
