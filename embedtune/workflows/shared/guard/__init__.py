"""What an encoder must not lose: `sets` reads the guard sets, `score` scores an encoder on them and tests the loss."""
