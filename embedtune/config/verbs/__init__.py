"""The schema of each verb, in a file of its name: every option with its type, default, range and help."""
