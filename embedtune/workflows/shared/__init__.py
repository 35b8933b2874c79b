"""What several verbs share; it imports none of them."""
