"""Runs many cases on threads, processes or a Ray cluster; keeps a journal to resume from."""
