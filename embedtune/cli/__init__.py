"""The command line: one file per verb, which only reads options, calls a workflow and prints its result."""
