"""Reads TFLite files into frozen dataclasses; the only package that touches flatbuffers."""

from blazepalm.converter.tflite.read import read, read_all, read_bytes

__all__ = ["read", "read_all", "read_bytes"]
