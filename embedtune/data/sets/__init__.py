"""Sets that are judged pair by pair, and several sets in one run."""
