"""`python -m embedtune`: the command line, where the script of this name is not on the path."""

from embedtune.cli.shared.app import main

if __name__ == "__main__":  # a worker process imports this module, and is not the command
    main()
