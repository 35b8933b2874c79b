"""Near copies: texts that hold one another, whole or cut, in a frame or with slips, and state no other fact."""
