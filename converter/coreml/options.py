"""The options of a Core ML export, and its record: plain dataclasses without heavy imports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from blazepalm.converter.layer_price import LayerPrice
from blazepalm.errors import ArtifactError, unknown_name

FACES = ("app", "raw", "batch", "vision")
PRECISIONS = ("fp16", "fp32")
TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18")
COMPRESSIONS = ("palettize8", "palettize6", "int8")
MIXED = "mixed"  # each weight by a kind of its own
KINDS = (*COMPRESSIONS, "palettize4")  # of one weight

Tried = tuple[int, float | None, float | None]  # None: a hand was lost, a number not finite


@dataclass(frozen=True)
class CoreMLOptions:
    """A package's interface, and how it computes.

    `face`: `"app"` takes an image and gives normalised, decoded outputs; `"batch"` is the same on a
    tensor of 1 to 4 regions (landmark models); `"vision"` is a detector that suppresses boxes
    itself, in the layout that Apple's Vision reads; `"raw"` is the TFLite file's own input and
    outputs under readable names. `target` is the oldest system that runs it. `compress`: how all
    large weights are stored; "mixed" stores those of `weights` by the kind named for each
    (`KINDS`), the others as they are (`convert --quantize auto` finds them). `measured` lists what
    was tried: bytes of the large weights, the largest share of a limit, pixels. `activations`: the
    range of each value that is stored as 8-bit integers, from iOS17 on (`convert --quantize int8`
    measures them); `prices`: what those cost, the whole network first, then each layer alone.
    Raises ArtifactError for a value that is not listed above.
    """

    face: str = "app"
    precision: str = "fp16"
    target: str = "iOS16"
    compress: str | None = None
    weights: tuple[tuple[str, str], ...] = ()  # (name of a weight, its kind)
    measured: tuple[Tried, ...] = field(default=(), compare=False)
    activations: tuple[tuple[str, float, float], ...] = ()  # (name, lowest, highest)
    prices: tuple[LayerPrice, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for what, known in (
            ("face", FACES),
            ("precision", PRECISIONS),
            ("target", TARGETS),
            ("compress", (None, *COMPRESSIONS, *((MIXED,) if self.weights else ()))),
        ):
            value = getattr(self, what)
            if value not in known:
                names = [name for name in known if name is not None]
                raise ArtifactError(unknown_name(f"Core ML {what}", value, names))
        if self.weights and self.compress != MIXED:
            raise ArtifactError(f"kinds for single weights need Core ML compress {MIXED}")
        for name, kind in self.weights:
            if kind not in KINDS:
                raise ArtifactError(unknown_name(f"compression of {name}", kind, KINDS))
        if self.activations and self.target in ("iOS15", "iOS16"):
            raise ArtifactError("Core ML activations in int8 need iOS17; choose a later target")
        if self.compress is not None and self.target == "iOS15":
            raise ArtifactError(
                f"Core ML compression {self.compress} needs iOS16; choose a later target"
            )


@dataclass(frozen=True)
class Port:
    """One input or output of a package. `kind` is `"image"` (RGB, 8 bits per channel), `"tensor"`
    or `"number"` (an optional input); `shape` is the default one, or the largest of those that an
    output may have; `description` gives axis order, units, range.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    description: str


@dataclass(frozen=True)
class Layer:
    """One computing operation of a program, with its names elsewhere.

    `values` are the MIL values that it produces, `operation` is its MIL type. `path` is its place
    in the torch module: the module `backbone.stage2.block0.depthwise`, or a call in one,
    `backbone.stage2.block0.add`; a module's second call gets `.2` appended. `module` is the
    innermost module. In a graph of no known family both name the file's operator instead.
    `operators` are the TFLite operators, by index in the file, whose value it produces: several if
    it replaces all of them, none for casts, decoding and other helpers.
    """

    values: tuple[str, ...]
    operation: str
    path: str
    module: str
    operators: tuple[int, ...]


@dataclass(frozen=True)
class CoreMLRecord:
    """The record of a written package. `files` maps each path inside the package to its SHA-256;
    `operations` counts MIL operations by type, except constants and weight decompression;
    `tflite_operators` counts the file's, except constant DEQUANTIZE and DENSIFY, with a fused
    activation counted separately, as in MIL. `float32_modules` compute in float32 in an fp16
    package. `weights`: the kind of each weight where `compress` is "mixed", and `measured` what was
    tried, `activations` and `prices`, as in the options. `layers` has one row per operation.
    """

    name: str
    files: Mapping[str, str]
    face: str
    precision: str
    target: str
    compress: str | None
    weights: Mapping[str, str]
    measured: tuple[Tried, ...]
    activations: tuple[tuple[str, float, float], ...]
    prices: tuple[LayerPrice, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operations: Mapping[str, int]
    tflite_operators: int
    weight_bytes: int
    float32_modules: tuple[str, ...]
    layers: tuple[Layer, ...]

    @property
    def operation_count(self) -> int:
        return sum(self.operations.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `conversion.json`."""
        return {**asdict(self), "operation_count": self.operation_count}
