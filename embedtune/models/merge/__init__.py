"""Mixing the weights of models of one architecture: `formulas`, `alike` (whether models fit) and `mix`."""
