"""Recipes trained one after another from the same start, for `embedtune tune`."""
