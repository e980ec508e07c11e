"""Inputs worth testing on: rendered hands with known joints, hard cases, recorded cases."""

if __name__ != "blazepalm.golden":
    raise ImportError("import this package as blazepalm.golden, not as golden")
