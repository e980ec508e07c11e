"""Runs one input through one group of models and measures every number of the report."""
