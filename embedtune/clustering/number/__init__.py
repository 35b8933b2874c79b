"""How many clusters there are: curves, rules, and an honest sentence."""
