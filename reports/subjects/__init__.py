"""Opens one model with every backend that can run it here."""
