"""Reads stored reports, judges them again and compares them."""
