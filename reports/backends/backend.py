"""The interface of a backend (a name; images in, named raw outputs out) and its registration.

Images are (N, H, W, C) float32 in the release's value range; outputs are keyed by the names
of the TFLite file's outputs, in its shapes (first axis N where the file's counts images),
axis order and units. A backend may be called from several threads at once.

A model of several inputs gets one row of numbers, (1, M): its inputs one after the other
(`split_inputs`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.file_names import file_name

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted
    from blazepalm.converter.tflite.graph import Graph

Outputs = dict[str, np.ndarray]

PRECISIONS = FLOAT64, FLOAT32, FLOAT16, INTEGERS = "float64", "float32", "float16", "integers"

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
    `content`: the file's bytes, without operators that stock TFLite has no kernel for; of a file
    that computes in integers, its float form (`reports.backends.float_form`), while `integers`
    holds the file's own bytes.
    `packages`: the folder of Core ML packages, or None; `compress`: how the float16 ones are
    compressed. `notice` takes a note for the report. `before_lowering` is called before a program
    is lowered that no cache holds. `cache`: whether packages are kept across runs.
    """

    converted: "Converted"
    content: bytes
    workers: int = 1
    packages: Path | None = None
    compress: str | None = None
    integers: bytes | None = None
    notice: Callable[[str], None] = lambda note: None
    before_lowering: Callable[[], None] = lambda: None
    cache: bool = False

    @property
    def source(self) -> str:
        """The model's name in messages."""
        return self.converted.graph.source

    @property
    def outputs(self) -> tuple[str, ...]:
        return output_names(self.converted.graph)

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        graph = self.converted.graph
        return tuple(graph.tensors[t].shape for t in graph.inputs)

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        graph = self.converted.graph
        return tuple(graph.tensors[t].shape for t in graph.outputs)

    def has(self, package: Package) -> bool:
        """Whether the package can be had: exported, or as the converted folder's own."""
        from blazepalm.converter.folder import package_of

        if self.packages is None or self.converted.folder is None:
            return self.packages is not None
        kept = package_of(self.converted.folder)
        wanted = (package.face, package.precision)
        return kept is not None and (kept[1].get("face"), kept[1].get("precision")) == wanted

    def export(self, package: Package) -> Path:
        """The path of the package: a converted folder's own, else exported if it does not exist
        yet.
        """
        from blazepalm.converter.folder import package_of

        if self.converted.folder is not None:
            kept = package_of(self.converted.folder)
            assert kept is not None
            return kept[0]
        from blazepalm.converter.coreml import export
        from blazepalm.converter.coreml.options import CoreMLOptions
        from blazepalm.converter.package_cache import cached_package

        assert self.packages is not None
        parent = self.packages / file_name(self.converted.name) / package.folder
        if not any(parent.glob("*.mlpackage")):  # another worker's process made it
            compress = self.compress if package.precision == "fp16" else None
            options = CoreMLOptions(package.face, package.precision, compress=compress)
            make = cached_package if self.cache else export
            make(self.converted, parent, options)
        (path,) = parent.glob("*.mlpackage")
        return path


@dataclass(frozen=True)
class Registration:
    """A backend's entry in the registry. `label` describes it; `precision` is what it computes in;
    `kind` is one of `KINDS`. `open` makes the backend, or passes `notice` the reason why not and
    returns None. `available` returns the reason why the backend cannot run on this machine, or
    None; an unavailable backend is left out if `optional`, else reported as not run. `package`
    is the Core ML package that it runs, if any; one of face `app` gives the pipeline's outputs,
    all others the file's. Without `every_picture` it runs on some pictures only; a `rare` one on
    fewer still. One to be
    `asked_for` takes long to open, and is left out of parity unless it is named. One that
    `stands_in_for` another is asked for by `installed` where that one cannot run; one `by_name`,
    by its own name only. One
    `in_other_units` returns an output as the file does not: a probability in place of a logit.
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
    rare: bool = False
    asked_for: bool = False
    stands_in_for: str | None = None
    by_name: bool = False
    in_other_units: bool = False

    @property
    def by_task(self) -> bool:
        """Whether only the task can judge it: a candidate that computes in less than float32, or
        whose outputs lose digits on the way to the file's units.
        """
        coarse = self.precision in (FLOAT16, INTEGERS) or self.in_other_units
        return self.kind == CANDIDATE and coarse

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS or self.kind not in KINDS:
            raise ValueError(
                f"backend {self.name}: precision {self.precision!r} and kind {self.kind!r}, "
                f"expected one of {', '.join(PRECISIONS)} and one of {', '.join(KINDS)}"
            )


def run_in_batches(
    images: np.ndarray,
    batch: int,
    outputs: Sequence[str],
    run: Callable[[np.ndarray], Sequence[np.ndarray]],
    taker: str,
) -> Outputs:
    """The outputs by name for (N, …) images, from `run` for `batch` images at a time; it gives one
    value an output. `taker` ("the model") is what takes such batches.
    """
    if len(images) == 0 or len(images) % batch:
        raise ValueError(f"{len(images)} images, {taker} takes batches of {batch}")
    collected = [run(images[start : start + batch]) for start in range(0, len(images), batch)]
    return {
        name: values[0] if len(values) == 1 else np.concatenate(values)
        for name, values in zip(outputs, zip(*collected, strict=True), strict=True)
    }


def output_names(graph: "Graph") -> tuple[str, ...]:
    """The graph's outputs by name, in the file's order; an empty or repeated name
    gets its position appended, so that no output can hide another.
    """
    names = [graph.tensors[t].name for t in graph.outputs]
    count = Counter(names)
    return tuple(
        name if name and count[name] == 1 else f"{name or 'output'}#{i}"
        for i, name in enumerate(names)
    )


def input_shape(graph: "Graph") -> tuple[int, ...]:
    """The shape of what parity feeds: the one input's, or (1, M) for several inputs of M numbers
    together.

    Raises CouldNotVerify for a graph without inputs, or where one is not of float32 and of a fixed
    shape.
    """
    if not graph.inputs:
        raise CouldNotVerify(f"{graph.source} has no inputs: there is nothing that parity can feed")
    shapes = []
    for number in graph.inputs:
        tensor = graph.tensors[number]
        if tensor.dtype != "float32" or not tensor.shape or min(tensor.shape) < 1:
            raise CouldNotVerify(
                f"{graph.source}: input {tensor} is {tensor.dtype} of shape {list(tensor.shape)}; "
                "parity feeds float32 inputs of a fixed shape"
            )
        shapes.append(tensor.shape)
    return shapes[0] if len(shapes) == 1 else (1, sum(map(prod, shapes)))


def split_inputs(values: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """What a model takes, by its inputs' shapes in the file: for several, the parts of a row
    (1, M), each in its shape; otherwise `values` themselves.
    """
    if len(shapes) < 2:
        return [values]
    ends = np.cumsum([prod(shape) for shape in shapes])
    parts = np.split(values.reshape(-1), ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
