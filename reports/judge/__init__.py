"""Limits and verdicts, and the report as data."""
