"""Runs somebody else's conversion of a model, in any format, beside the file it stands for."""
