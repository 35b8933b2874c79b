"""`python -m embedtune`: the command line, where the script of this name is not on the path."""

from embedtune.cli.shared.app import main

main()
