"""One model, opened with every backend that can run it here."""
