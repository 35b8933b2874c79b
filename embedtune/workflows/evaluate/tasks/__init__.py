"""The kinds of sets that systems are scored on, a file each with the same methods; an evaluation may mix them."""
