"""How far two judges or two systems agree: chance-corrected agreement, and equivalence within bounds."""
