"""Reads TFLite files into frozen dataclasses; the only package that touches flatbuffers."""

from blazepalm.converter.tflite.read import read, read_all, read_bytes, read_members

__all__ = ["read", "read_all", "read_bytes", "read_members"]
