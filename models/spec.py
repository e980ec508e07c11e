"""What tells one release's network from another's: a small tree of frozen dataclasses,
recovered from the graph by `converter.architecture` and stored beside the weights.

Sizes are (height, width); paddings are (top, bottom, left, right) in pixels, zeros.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class ConvSpec:
    """A convolution and the activation behind it. `groups` equals `in_channels` where it is
    depthwise. `explicit_pad` says that the file pads in an operator of its own.
    """

    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    bias: bool = True
    activation: str = "none"
    explicit_pad: bool = False


@dataclass(frozen=True)
class BlockSpec:
    """Depthwise and pointwise convolution with a shortcut round them.

    With `expand` it is an inverted residual (MobileNetV2); without, a BlazeBlock. The
    shortcut halves the map by max pooling where the block does, and appends `new_channels`
    zero channels where the block widens. `activation` comes after the addition.
    """

    depthwise: ConvSpec
    pointwise: ConvSpec
    expand: ConvSpec | None = None
    shortcut: str = "none"
    new_channels: int = 0
    activation: str = "none"


@dataclass(frozen=True)
class StageSpec:
    """Blocks on one map size; the first one may halve it."""

    blocks: tuple[BlockSpec, ...]


@dataclass(frozen=True)
class TapSpec:
    """The output of backbone block `block` of stage `stage` (both from 0; stage −1 is the
    stem), passed on to the neck through `activation`.
    """

    stage: int
    block: int
    activation: str = "none"


@dataclass(frozen=True)
class UpSpec:
    """One step of the top-down neck: (reduce →) upsample (→ project) → + tap → blocks."""

    size: tuple[int, int]
    tap: TapSpec
    reduce: ConvSpec | None = None
    transposed: ConvSpec | None = None
    project: ConvSpec | None = None
    activation: str = "none"
    blocks: tuple[BlockSpec, ...] = ()

    @property
    def upsampling(self) -> str:
        """`"bilinear"` or `"transposed"`."""
        return "bilinear" if self.transposed is None else "transposed"


@dataclass(frozen=True)
class BackboneSpec:
    stem: ConvSpec
    stages: tuple[StageSpec, ...]


@dataclass(frozen=True)
class PalmHeadSpec:
    """A pair of 1×1 (or wider) convolutions on one map. `level` counts maps the neck offers:
    0 is the backbone's last, 1 the first neck step's output, and so on.
    """

    level: int
    size: tuple[int, int]
    anchors_per_cell: int
    boxes: ConvSpec
    scores: ConvSpec


@dataclass(frozen=True)
class PalmDetectorSpec:
    """A single-shot palm detector. `coordinates` is 4 + 2 · keypoints for each anchor.
    `value_range`, `score_threshold` and `suppression_iou` are not in the file; they belong
    to the release. `generation` is the registry's name of what they, and the region rule, are
    taken from; "" where that is not known.
    """

    input_size: tuple[int, int]
    backbone: BackboneSpec
    neck: tuple[UpSpec, ...]
    heads: tuple[PalmHeadSpec, ...]
    coordinates: int
    value_range: tuple[float, float] = (0.0, 1.0)
    score_threshold: float = 0.5
    suppression_iou: float = 0.3
    generation: str = ""

    @property
    def keypoints(self) -> int:
        return (self.coordinates - 4) // 2

    @property
    def anchors(self) -> int:
        return sum(h.size[0] * h.size[1] * h.anchors_per_cell for h in self.heads)


@dataclass(frozen=True)
class OutputSpec:
    """One output of the landmark network: `values` numbers from a linear layer or a
    convolution over the whole map, through a sigmoid or not.
    """

    name: str
    values: int
    sigmoid: bool
    conv: ConvSpec | None = None  # None: a linear layer on `HandLandmarksSpec.pooled` features


@dataclass(frozen=True)
class HandLandmarksSpec:
    """A landmark network on a square crop of one hand. `pooling` is `"mean"`, `"flatten"`
    (in H, W, C order) or `"none"` (the heads convolve). `outputs` are in the file's order.
    `value_range`, `presence_threshold` and `z_scale` belong to the release: normalised z is
    the raw z divided by the input's width and by `z_scale`. `generation`: as a detector's.
    """

    input_size: tuple[int, int]
    backbone: BackboneSpec
    neck: tuple[UpSpec, ...]
    trunk: tuple[StageSpec, ...]
    features: tuple[ConvSpec, ...]
    pooling: str
    pooled: int
    outputs: tuple[OutputSpec, ...]
    value_range: tuple[float, float] = (0.0, 1.0)
    presence_threshold: float = 0.5
    z_scale: float = 0.4
    generation: str = ""

    @property
    def landmarks(self) -> int:
        return next(o.values for o in self.outputs if o.name == "landmarks") // 3


Spec = PalmDetectorSpec | HandLandmarksSpec

FAMILIES: dict[str, type[PalmDetectorSpec] | type[HandLandmarksSpec]] = {
    "palm": PalmDetectorSpec,
    "hand": HandLandmarksSpec,
}


def spec_to_dict(spec: Spec) -> dict[str, Any]:
    """Plain dicts, lists and numbers, with the family under `"family"`."""
    family = next(name for name, kind in FAMILIES.items() if isinstance(spec, kind))
    return {"family": family, **asdict(spec)}


def spec_from_dict(values: Mapping[str, Any]) -> Spec:
    """The inverse of `spec_to_dict`, through JSON or not.

    Raises ValueError where a field is missing, unknown or of another type, or where no network
    could be built of the values.
    """
    from blazepalm.models.spec_check import check_spec

    if not isinstance(values, Mapping):
        raise ValueError(f"spec is {type(values).__name__}, expected an object")
    kind = FAMILIES.get(str(values.get("family")))
    if kind is None:
        raise ValueError(
            f"spec has family {values.get('family')!r:.80}, expected one of {list(FAMILIES)}"
        )
    spec = _build(kind, {key: value for key, value in values.items() if key != "family"}, "spec")
    check_spec(spec)
    return spec


def _build(kind: type[T], values: Any, where: str) -> T:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is {type(values).__name__}, expected an object")
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{where} has unknown fields {unknown!s:.80}")
    missing = [f.name for f in fields(kind) if _required(f) and f.name not in values]  # type: ignore[arg-type]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}")
    arguments = {
        key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()
    }
    return kind(**arguments)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} is {type(value).__name__}, expected a list")
        items = get_args(hint)
        if items[-1] is Ellipsis:
            items = (items[0],) * len(value)
        if len(items) != len(value):
            raise ValueError(f"{where} has {len(value)} entries, expected {len(items)}")
        return tuple(
            _convert(item, v, f"{where}[{i}]")
            for i, (item, v) in enumerate(zip(items, value, strict=True))
        )
    if options := get_args(hint):  # X | None
        return None if value is None else _convert(options[0], value, where)
    if hint is float and type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where} is {value!r:.80}, expected {hint.__name__}")
    return value
