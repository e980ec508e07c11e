"""The interface of a backend (a name; images in, named raw outputs out) and its registration.

Images are (N, H, W, C) float32 in the release's value range; outputs are keyed by the names
of the TFLite file's outputs, in its shapes (first axis N where the file's counts images),
axis order and units. A backend may be called from several threads at once.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import CouldNotVerify
from blazepalm.file_names import file_name

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

Outputs = dict[str, np.ndarray]

PRECISIONS = FLOAT64, FLOAT32, FLOAT16 = "float64", "float32", "float16"

# others are compared with it; is compared and judged; is only shown
KINDS = REFERENCE, CANDIDATE, WITNESS = "reference", "candidate", "witness"


class Backend(Protocol):
    """`name` is its name in reports: `oracle`, `generic`, `torch`, `tflite`, `tflite-ref`."""

    @property
    def name(self) -> str: ...

    def run(self, images: np.ndarray) -> Outputs: ...


class Package(NamedTuple):
    """A Core ML package that parity exports: the folder it goes into, its face and precision."""

    folder: str
    face: str
    precision: str


@dataclass(frozen=True)
class Opening:
    """A converted model to open backends for, each called from up to `workers` threads at once.
    `content`: the file's bytes, without operators that stock TFLite has no kernel for.
    `packages`: the folder of Core ML packages, or None; `compress`: how the float16 ones are
    compressed. `notice` takes a note for the report.
    """

    converted: "Converted"
    content: bytes
    workers: int = 1
    packages: Path | None = None
    compress: str | None = None
    notice: Callable[[str], None] = lambda note: None

    @property
    def source(self) -> str:
        """The model's name in messages."""
        return self.converted.graph.source

    @property
    def outputs(self) -> tuple[str, ...]:
        return output_names(self.converted.graph)

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        graph = self.converted.graph
        return tuple(graph.tensors[t].shape for t in graph.outputs)

    def export(self, package: Package) -> Path:
        """The path of the package, exported if it does not exist yet."""
        from blazepalm.converter.coreml import export
        from blazepalm.converter.coreml.options import CoreMLOptions

        assert self.packages is not None
        parent = self.packages / file_name(self.converted.name) / package.folder
        if not any(parent.glob("*.mlpackage")):  # another worker's process made it
            compress = self.compress if package.precision == "fp16" else None
            options = CoreMLOptions(package.face, package.precision, compress=compress)
            export(self.converted, parent, options)
        (path,) = parent.glob("*.mlpackage")
        return path


@dataclass(frozen=True)
class Registration:
    """A backend's entry in the registry. `label` describes it; `precision` is what it computes in;
    `kind` is one of `KINDS`. `open` makes the backend, or passes `notice` the reason why not and
    returns None. `available` returns the reason why the backend cannot run on this machine, or
    None; an unavailable backend is left out if `optional`, else reported as not run. `package`
    is the Core ML package that it runs, if any; one of face `app` gives the pipeline's outputs,
    all others the file's. Without `every_picture` it runs on some pictures only. One to be
    `asked_for` takes long to open, and is left out of parity unless it is named.
    """

    name: str
    label: str
    precision: str
    open: Callable[[Opening], Backend | None]
    kind: str = CANDIDATE
    available: Callable[[], str | None] = lambda: None
    optional: bool = True
    package: Package | None = None
    every_picture: bool = True
    asked_for: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS or self.kind not in KINDS:
            raise ValueError(
                f"backend {self.name}: precision {self.precision!r} and kind {self.kind!r}, "
                f"expected one of {', '.join(PRECISIONS)} and one of {', '.join(KINDS)}"
            )


def output_names(graph: Graph) -> tuple[str, ...]:
    """The graph's outputs by name, in the file's order; an empty or repeated name
    gets its position appended, so that no output can hide another.
    """
    names = [graph.tensors[t].name for t in graph.outputs]
    count = Counter(names)
    return tuple(
        name if name and count[name] == 1 else f"{name or 'output'}#{i}"
        for i, name in enumerate(names)
    )


def input_shape(graph: Graph) -> tuple[int, ...]:
    """The shape of the one float32 input that parity feeds.

    Raises CouldNotVerify for a graph with any other number or kind of inputs.
    """
    if len(graph.inputs) != 1:
        raise CouldNotVerify(
            f"{graph.source} has {len(graph.inputs)} inputs; parity feeds models of a single image"
        )
    tensor = graph.tensors[graph.inputs[0]]
    if tensor.dtype != "float32" or not tensor.shape or min(tensor.shape) < 1:
        raise CouldNotVerify(
            f"{graph.source}: input {tensor} is {tensor.dtype} of shape {list(tensor.shape)}; "
            "parity feeds float32 inputs of a fixed shape"
        )
    return tensor.shape
