"""Reads a phone's results, counts them again, and judges them like any backend's."""
