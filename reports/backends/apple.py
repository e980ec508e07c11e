"""Runs a Core ML package in Apple's own runtime (`MLModel.predict`): the backends `coreml-all`,
`coreml-cpu-only`, `coreml-cpu-and-gpu` and `coreml-cpu-and-ne`.

It needs macOS. Inputs are checked as the executor checks them, so that both get the same. Core
ML takes and returns images as 8-bit pictures where the program has tensors, and may return
float16 values as float32; outputs are converted back to what the program declares.
"""

import platform
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from blazepalm.errors import CouldNotVerify, InvalidImage, first_line, unknown_name
from blazepalm.reports.backends.backend import FLOAT16, Backend, Opening, Outputs, Registration
from blazepalm.reports.backends.mil import Feature, Program, load
from blazepalm.reports.backends.mil.inputs import values_by_input
from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES
from blazepalm.reports.backends.mil.values import NUMPY
from blazepalm.reports.backends.mil_package import RAW_FP16
from blazepalm.reports.backends.package_outputs import RawPackage, match

if TYPE_CHECKING:
    from PIL import Image

# names of compute units on the command line → in coremltools
UNITS = {
    "all": "ALL",
    "cpu-only": "CPU_ONLY",
    "cpu-and-gpu": "CPU_AND_GPU",
    "cpu-and-ne": "CPU_AND_NE",
}


class Model(Protocol):
    """The part of `coremltools.models.MLModel` used here."""

    def predict(self, data: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class NativeProgram:
    """One function of a package, loaded by Core ML. `units` is a key of `UNITS`."""

    program: Program
    function: str
    units: str
    model: Model

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Takes and returns the same as `Program.run`, except outputs that are neither tensor nor
        image (a classifier's label and dictionary).

        Raises InvalidInput or InvalidImage for bad inputs, CouldNotVerify if Core ML cannot run
        the model.
        """
        interface = self.program.interfaces[self.function]
        source = self.program.source
        given = {
            feature.name: _given(feature, value, source)
            for feature, value in values_by_input(interface, inputs, source)
            if value is not None
        }
        try:
            found = self.model.predict(given)
        except Exception as error:  # coremltools raises plain Exception and RuntimeError
            raise CouldNotVerify(
                f"{source}: Core ML ({self.units}) cannot run it: {first_line(error)}"
            ) from error
        outputs = {}
        for feature in interface.outputs:
            if feature.name not in found:
                raise CouldNotVerify(f"{source}: Core ML gives no output '{feature.name}'")
            if feature.image is not None or feature.type.dtype in STORAGE_TYPES:
                outputs[feature.name] = _output(feature, found[feature.name])
        return outputs


@dataclass(frozen=True)
class Native:
    """A package of face `raw` in Core ML, as a backend."""

    name: str
    package: RawPackage
    native: NativeProgram

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32."""
        return self.package.run(images, self.native.run)


@dataclass(frozen=True)
class OneAtATime:
    """Makes a backend callable from several threads by running one call at a time."""

    backend: Backend
    lock: Any = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        with self.lock:
            return self.backend.run(images)


def open_native(
    package: Path,
    outputs: tuple[str, ...],
    shapes: Sequence[tuple[int, ...]],
    *,
    units: str = "all",
    model: Model | None = None,
) -> Native:
    """Loads a package into Core ML. `outputs` and `shapes` are those of the TFLite file;
    `model` is used in place of loading one.

    Raises InvalidModel for a broken package, CouldNotVerify where there is no Core ML, or where
    the package's input and outputs are not the file's.
    """
    program = load(package)
    raw = match(program, outputs, shapes)
    return Native(f"coreml-{units}", raw, load_native(program, units=units, model=model))


def load_native(
    program: Program, function: str | None = None, *, units: str = "all", model: Model | None = None
) -> NativeProgram:
    """Loads one function into Core ML. Raises CouldNotVerify where there is none here."""
    name = program.function_name(function)
    if units not in UNITS:
        raise CouldNotVerify(unknown_name("compute units", units, UNITS))
    return NativeProgram(program, name, units, model or _load(program, name, units))


def missing_core_ml() -> str | None:
    """Why Core ML is missing here; None on macOS."""
    if sys.platform == "darwin":
        return None
    return (
        f"Core ML's own runtime is part of macOS, this is {platform.system()}: "
        "only blazepalm's own executor is available here"
    )


def _load(program: Program, function: str, units: str) -> Model:
    reason = missing_core_ml()
    if reason is not None:
        raise CouldNotVerify(reason)
    try:
        import coremltools as ct
        from coremltools import libcoremlpython  # noqa: F401
    except ImportError as error:
        raise CouldNotVerify(
            f"coremltools has no connection to Core ML here ({error}): "
            "install its wheel for this Python and macOS"
        ) from error
    several = {"function_name": function} if len(program.functions) > 1 else {}
    try:
        model: Model = ct.models.MLModel(
            str(program.path), compute_units=ct.ComputeUnit[UNITS[units]], **several
        )
    except Exception as error:
        raise CouldNotVerify(
            f"{program.source}: Core ML ({units}) cannot load it: {first_line(error)}"
        ) from error
    return model


def _given(feature: Feature, value: Any, source: str) -> "np.ndarray | Image.Image":
    """Converts an input for coremltools: a PIL image, or an array of float32 or an integer."""
    from blazepalm.reports.backends.mil.inputs import checked_array

    array = checked_array(feature, value, source)
    if feature.image is not None:
        return _picture(feature, array)
    dtype = NUMPY[feature.type.dtype]
    return np.ascontiguousarray(array, np.float32 if dtype == np.float16 else dtype)


def _picture(feature: Feature, planes: np.ndarray) -> "Image.Image":
    """(1, C, H, W) float32 in the feature's layout → the equivalent picture."""
    from PIL import Image

    if feature.image == "grayscale float16":
        return Image.fromarray(planes[0, 0].astype(np.float32))
    pixels = planes[0].astype(np.uint8)
    if (pixels != planes[0]).any():
        raise InvalidImage(
            f"input '{feature.name}': Core ML takes pictures of 8 bits, "
            "found values that are not integers in 0..255"
        )
    if feature.image == "grayscale":
        return Image.fromarray(pixels[0])
    rgb = pixels[::-1] if feature.image == "BGR" else pixels
    return Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))


def _output(feature: Feature, value: Any) -> np.ndarray:
    """Converts an output to the program's element type and, where the sizes agree, its shape
    (Core ML returns a scalar as a vector of one).
    """
    dtype = NUMPY[feature.type.dtype]
    if feature.image is not None and not isinstance(value, np.ndarray):
        grey = feature.image.startswith("grayscale")
        mode = "RGB" if not grey else "F" if "float16" in feature.image else "L"
        pixels = np.asarray(value.convert(mode))
        planes = pixels[None] if grey else pixels.transpose(2, 0, 1)
        planes = planes[::-1] if feature.image == "BGR" else planes
        return np.ascontiguousarray(planes[None], dtype)
    array = np.asarray(value).astype(dtype)
    shape = feature.type.shape
    if shape is not None and None not in shape:
        known = tuple(size for size in shape if size is not None)
        if array.size == np.prod(known, dtype=object):
            return array.reshape(known)
    return array


def _open(opening: Opening, units: str) -> Backend | None:
    package = opening.export(RAW_FP16)
    try:
        native = open_native(package, opening.outputs, opening.output_shapes, units=units)
    except CouldNotVerify as error:
        opening.notice(f"not compared with Core ML itself: {error}")
        return None
    return OneAtATime(native)


BACKENDS = tuple(
    Registration(
        f"coreml-{units}",
        f"Core ML package, raw face, in Core ML itself, {units}",
        FLOAT16,
        partial(_open, units=units),
        available=missing_core_ml,
        package=RAW_FP16,
    )
    for units in UNITS
)
