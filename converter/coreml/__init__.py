"""Converts a model to a Core ML package: `export(model, folder, options)`."""

if __name__ != "blazepalm.converter.coreml":
    raise ImportError("import this package as blazepalm.converter.coreml, not as coreml")

from blazepalm.converter.coreml.export import export
from blazepalm.converter.coreml.options import CoreMLOptions, CoreMLRecord, Layer, Port

__all__ = ["CoreMLOptions", "CoreMLRecord", "Layer", "Port", "export"]
