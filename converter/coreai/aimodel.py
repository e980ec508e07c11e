"""A converted model → `<Name>.aimodel` for iOS 27 and macOS 27, with a record for
`conversion.json`. Experimental: it was never run on an Apple device.

Its functions `raw` and, for a known family, `app` are the faces of a Core ML package under the same
names of inputs and outputs, in the same precision; they share their weights. It has no image
inputs: `app` takes planes of 0..255 in float32.
"""

import copy
import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.child import Child
from blazepalm.converter.coreai.needed import (
    CHILD,
    LIMITS,
    PACKAGES,
    SUFFIX,
    check_precision,
    need_coreai,
)
from blazepalm.converter.coreai.stable import make_stable
from blazepalm.converter.coreml.metadata import author, licence, package_name, summary
from blazepalm.converter.coreml.options import Port
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.converter.proof import PROOF_SEED
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import ArtifactError, ProcessDied, first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.converter.converted import Converted

# Core AI adds up in sequence, torch in blocks. On n terms that rounds up to √n times as far: 64
# allows for 4096 of them, more than any sum of a release has.
MOST_FLOORS = 64.0


@dataclass(frozen=True)
class AimodelFunction:
    """One function. `floors`: for each output, how far Core AI's kernels on this machine's CPU were
    from float64 on one seeded input, in units of what torch was in the same precision.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    floors: dict[str, float]


@dataclass(frozen=True)
class AimodelRecord:
    """The record of a written program. `files` maps each file inside to its SHA-256; `stable`: the
    same model gives the same bytes; `versions` of what wrote it; `float32_modules` compute in
    float32 in an fp16 program.
    """

    name: str
    files: dict[str, str]
    precision: str
    functions: dict[str, AimodelFunction]
    float32_modules: tuple[str, ...]
    stable: bool
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `conversion.json`."""
        return asdict(self)


def write_aimodel(model: "Converted", folder: Path, precision: str) -> AimodelRecord:
    """Writes `folder/<Name>.aimodel`, and runs each of its functions once. Takes about ten seconds.

    Raises ArtifactError if torch cannot export the model, Core AI not convert it, or its outputs
    are not the model's; BlazePalmError without Core AI.
    """
    check_precision(precision)
    need_coreai()
    name = f"{package_name(model, 'raw')}{SUFFIX}"
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch, one_torch_thread():
        faces = [_Face(model, face, precision) for face in _faces(model)]
        made = Path(scratch) / name
        _make(model, faces, made, Path(scratch))
        stable = make_stable(made)
        functions = {face.name: face.checked(made) for face in faces}
        place = folder / name
        shutil.copytree(made, place)
    files = sorted(path for path in place.iterdir())
    return AimodelRecord(
        name=name,
        files={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        precision=precision,
        functions=functions,
        float32_modules=faces[0].precise if precision == "fp16" else (),
        stable=stable,
        versions={package: version(package) for package in PACKAGES},
    )


def _faces(model: "Converted") -> tuple[str, ...]:
    return ("raw",) if model.recognition is None else ("raw", "app")


class _Face:
    """One face of a model, as torch computes it."""

    def __init__(self, model: "Converted", name: str, precision: str) -> None:
        from blazepalm.converter.coreai.mixed import Mixed
        from blazepalm.converter.coreml.faces import face_module
        from blazepalm.converter.coreml.trace import trace

        self.model = model
        self.name = name
        self.half = precision == "fp16"
        inputs, self.outputs = face_ports(model, name)
        self.inputs = tuple(_planes(port) for port in inputs)
        self.module: nn.Module = face_module(model, name)
        traced = trace(self.module, model.graph)
        self.precise = traced.precise
        self.mixed: nn.Module = Mixed(traced, precision).eval()

    def export(self, path: Path) -> None:
        import torch

        given = tuple(torch.zeros(port.shape) for port in self.inputs)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about itself
            torch.export.save(torch.export.export(self.mixed, given, strict=False), path)

    def checked(self, asset: Path) -> AimodelFunction:
        """Runs the function once. Raises ArtifactError unless it computes what torch does."""
        import torch

        source = self.model.graph.source
        given = self._example()
        with torch.no_grad():
            near: tuple[Tensor, ...] = self.mixed(*given)
            exact = copy.deepcopy(self.module).double()(*(x.double() for x in given))
        arguments = {"asset": str(asset), "function": self.name}
        inputs = {p.name: x.numpy() for p, x in zip(self.inputs, given, strict=True)}
        with Child(f"Core AI on {source}", f"{CHILD}:open_asset", arguments, LIMITS) as run:
            found = run(inputs)
        floors = {}
        for port, value, truth in zip(self.outputs, near, exact, strict=True):
            got = found[port.name]
            floors[port.name] = times = _floors(got, value.numpy(), truth.numpy(), self.half)
            if not times <= MOST_FLOORS:
                raise ArtifactError(
                    f"{source}: Core AI's {self.name} gives another {port.name} than torch, "
                    f"{times:.3g} floors away; convert without --aimodel"
                )
        return AimodelFunction(self.inputs, self.outputs, floors)

    def _example(self) -> "list[Tensor]":
        """Seeded numbers: levels 0..255 for a picture, else the value range (0..1 if unknown)."""
        import torch

        random = np.random.Generator(np.random.PCG64(PROOF_SEED))
        recognition = self.model.recognition
        low, high = (0.0, 1.0) if recognition is None else recognition.spec.value_range
        levels = [random.integers(0, 256, port.shape) / 255 for port in self.inputs]
        if self.name == "app":
            low, high = 0, 255
        return [torch.from_numpy((low + x * (high - low)).astype(np.float32)) for x in levels]


def _planes(port: Port) -> Port:
    """A port without an image: Core AI takes tensors."""
    if port.kind != "image":
        return port
    said = f"{port.description.rstrip('.')}, RGB planes of 0..255."
    return replace(port, kind="tensor", dtype="float32", description=said)


def _make(model: "Converted", faces: list[_Face], asset: Path, scratch: Path) -> None:
    """Exports the faces and has a process of Core AI's convert them."""
    source = model.graph.source
    functions = {}
    for face in faces:
        path = scratch / f"{face.name}.pt2"
        with _said(source):
            face.export(path)
        functions[face.name] = {
            "file": str(path),
            "inputs": [port.name for port in face.inputs],
            "outputs": [port.name for port in face.outputs],
        }
    about = {
        "author": author(model),
        "license": licence(model),
        "model_description": summary(model),
    }
    given = {"functions": functions, "folder": str(asset), "about": about}
    with (
        _said(source),
        Child(f"Core AI on {source}", f"{CHILD}:open_exported", given, LIMITS) as convert,
    ):
        convert({})


@contextmanager
def _said(source: str) -> Iterator[None]:
    """Turns whatever torch.export and Core AI raise into one sentence."""
    try:
        yield
    except ProcessDied as error:
        raise ArtifactError(f"{error}; convert without --aimodel") from error
    except Exception as error:
        raise ArtifactError(
            f"{source}: Core AI cannot take it: {first_line(error)}; convert without --aimodel"
        ) from error


def _floors(found: np.ndarray, near: np.ndarray, exact: np.ndarray, half: bool) -> float:
    """The largest distance from float64, as a multiple of torch's own in the same precision, at
    least half a spacing at the peak. Infinite for another shape or a number that is not finite.
    """
    if found.shape != exact.shape or not np.isfinite(found).all():
        return float("inf")
    unit = 2.0 ** (-11 if half else -24)
    floor = max(float(np.abs(near - exact).max()), unit * float(np.abs(exact).max()))
    error = float(np.abs(found - exact).max())
    return error / floor if floor else float("inf") if error else 0.0
