"""What helps to choose a recipe: arms of a race, losses that suit a data set, and whether an encoder reads it."""
