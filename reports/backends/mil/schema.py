"""Parses the bytes of a `.mlmodel` as the `Model` message of Core ML's specification.

The message classes are those that coremltools ships (`coremltools/proto`, generated from
Model.proto and MIL.proto of https://github.com/apple/coremltools/tree/9.0/mlmodel/format).
Importing them by their own name also imports the rest of coremltools and torch (seconds), although
they need only protobuf; so they are loaded from their folder under a name of ours.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.tflite.foreign import described_as_found
from blazepalm.errors import BlazePalmError, InvalidModel
from blazepalm.limits import SPECIFICATION_BYTES

PRIVATE_NAME = "_blazepalm_coreml_specification"


@cache
def specification() -> ModuleType:
    """The package of message classes; `specification().Model_pb2.Model` is the outermost. Raises
    BlazePalmError if coremltools is not installed.
    """
    need_coremltools("reading a Core ML model")
    found = importlib.util.find_spec("coremltools")
    if found is None or found.origin is None:
        raise BlazePalmError("coremltools is a folder without code: reinstall it")
    folder = Path(found.origin).parent / "proto"
    spec = importlib.util.spec_from_file_location(
        PRIVATE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise BlazePalmError(f"coremltools has no message classes in {folder}: reinstall it")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = package
    spec.loader.exec_module(package)
    return package


def data_types() -> dict[int, str]:
    """MIL's element types, number → name: 10 → "FLOAT16"."""
    return {number: name for name, number in specification().MIL_pb2.DataType.items()}


def parse_model(path: Path) -> Any:
    """The file's `Model` message, which holds an ML program or a pipeline. Raises InvalidModel if
    the bytes are not such a message, or one of another kind.
    """
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        if size > SPECIFICATION_BYTES:
            raise InvalidModel(
                f"{path}: has {size} bytes, at most {SPECIFICATION_BYTES} are read; an ML program "
                "keeps its weights in a file of their own"
            )
        data = path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{path}: cannot be read ({error.strerror})") from error
    model = specification().Model_pb2.Model()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        what = described_as_found(data)
        found = f" but {what}" if what else f", or cut off: {error}"
        raise InvalidModel(f"{path}: not a Core ML model{found}") from error
    kind = model.WhichOneof("Type")
    if kind is None and (what := described_as_found(data)):
        raise InvalidModel(f"{path}: not a Core ML model but {what}")
    if kind is None:
        raise InvalidModel(f"{path}: holds no model (the file may be cut off)")
    if kind not in ("mlProgram", "pipeline"):
        raise InvalidModel(
            f"{path}: is a Core ML model of kind {kind}, not an ML program; "
            'convert it anew with coremltools and convert_to="mlprogram"'
        )
    return model
