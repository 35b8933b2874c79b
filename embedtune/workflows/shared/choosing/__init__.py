"""What helps to choose a recipe: arms of a race, and losses that suit a data set."""
