"""Measures how far tensors and hands differ, and totals the differences over all inputs."""
