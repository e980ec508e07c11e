"""Planted faults, and the self-test that every one of them is caught."""
