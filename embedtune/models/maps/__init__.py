"""Maps from one encoder's space to another's: `fit` finds them, `space_map` applies them, `save_map` writes them."""
