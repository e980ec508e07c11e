"""Converts a `.tflite` file to a graph, a torch module and a folder of artifacts."""

if __name__ != "blazepalm.converter":
    raise ImportError("import this package as blazepalm.converter, not as converter")
