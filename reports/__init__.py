"""Runs backends side by side, compares and judges their numbers, and writes the verdict."""

if __name__ != "blazepalm.reports":
    raise ImportError("import this package as blazepalm.reports, not as reports")
