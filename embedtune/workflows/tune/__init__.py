"""`embedtune tune`: the best recipe that a budget can find."""
