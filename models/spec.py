"""What distinguishes one release's network from another's: a small tree of frozen dataclasses,
recovered from the graph by `converter.architecture` and stored beside the weights.

Sizes are (height, width); paddings are (top, bottom, left, right) in pixels, zeros.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ConvSpec:
    """A convolution and the activation after it. `groups` equals `in_channels` if it is depthwise.
    `explicit_pad` says that the file pads in a separate operator.
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
    """Depthwise and pointwise convolution with a shortcut around them.

    With `expand` it is an inverted residual (MobileNetV2); without, a BlazeBlock. If the block
    halves the map, the shortcut halves it by max pooling; if the block widens it, the shortcut
    appends `new_channels` zero channels. `activation` comes after the addition.
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
class Evidence:
    """How the values that a file does not state were found (`converter.evidence` lists the words):
    `outputs` pairs each output's role with the evidence for it. Empty if nobody looked.
    """

    outputs: tuple[tuple[str, str], ...] = ()
    value_range: str = ""
    generation: str = ""


@dataclass(frozen=True)
class PalmHeadSpec:
    """A pair of 1×1 (or wider) convolutions on one map. `level` counts the maps that the neck
    offers: 0 is the backbone's last, 1 the first neck step's output, and so on.
    """

    level: int
    size: tuple[int, int]
    anchors_per_cell: int
    boxes: ConvSpec
    scores: ConvSpec


@dataclass(frozen=True, repr=False)
class PalmDetectorSpec:
    """A single-shot palm detector. `coordinates` is 4 + 2 · keypoints for each anchor.
    `value_range`, `score_threshold` and `suppression_iou` are not in the file; they belong to the
    release. `generation` is the registry's name of the source of these and of the region rule; ""
    if unknown.
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
    evidence: Evidence = Evidence()

    def __repr__(self) -> str:
        """In a line; the fields hold the rest."""
        return f"<PalmDetectorSpec: {_in_short(self)}, {self.anchors} anchors>"

    @property
    def keypoints(self) -> int:
        return (self.coordinates - 4) // 2

    @property
    def anchors(self) -> int:
        return sum(h.size[0] * h.size[1] * h.anchors_per_cell for h in self.heads)


@dataclass(frozen=True)
class OutputSpec:
    """One output of the landmark network: `values` numbers from a linear layer or a convolution
    over the whole map, with or without a sigmoid.
    """

    name: str
    values: int
    sigmoid: bool
    conv: ConvSpec | None = None  # None: a linear layer on `HandLandmarksSpec.pooled` features


@dataclass(frozen=True, repr=False)
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
    evidence: Evidence = Evidence()

    def __repr__(self) -> str:
        """In a line; the fields hold the rest."""
        outputs = ", ".join(output.name for output in self.outputs)
        return f"<HandLandmarksSpec: {_in_short(self)}, {outputs}>"

    @property
    def landmarks(self) -> int:
        return next(o.values for o in self.outputs if o.name == "landmarks") // 3


Spec = PalmDetectorSpec | HandLandmarksSpec


def _in_short(spec: Spec) -> str:
    (height, width), (low, high) = spec.input_size, spec.value_range
    generation = f", {spec.generation}" if spec.generation else ""
    return f"{height}×{width} pixels in {low:g}..{high:g}{generation}"


def in_file(spec: Spec) -> Spec:
    """The spec with only what a model's file determines; what belongs to the release (value range,
    thresholds, generation) and the evidence for it are at their defaults.
    """
    if isinstance(spec, PalmDetectorSpec):
        return replace(
            spec,
            value_range=PalmDetectorSpec.value_range,
            score_threshold=PalmDetectorSpec.score_threshold,
            suppression_iou=PalmDetectorSpec.suppression_iou,
            generation="",
            evidence=Evidence(),
        )
    return replace(
        spec,
        value_range=HandLandmarksSpec.value_range,
        presence_threshold=HandLandmarksSpec.presence_threshold,
        z_scale=HandLandmarksSpec.z_scale,
        generation="",
        evidence=Evidence(),
    )
