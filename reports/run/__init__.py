"""Prepares the inputs of `blazepalm run` for any Core ML package, and describes the outputs."""
