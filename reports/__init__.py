"""Backends are run side by side, their numbers compared and judged, and the verdict written."""

if __name__ != "blazepalm.reports":
    raise ImportError("import this package as blazepalm.reports, not as reports")
