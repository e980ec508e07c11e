"""What distinguishes one gesture network from another: the embedder that turns landmarks into a
vector, and the classifiers that name the gesture of a vector. `converter.gesture_structure`
recovers both from the graph; they are stored beside the weights like a `models.spec`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from blazepalm.models.plain_values import build

EMBEDDER, CLASSIFIER = "gesture-embedder", "gesture-classifier"
ACTIVATIONS = ("none", "relu", "relu6")
LAYERS = ("linear", "scale")
MAX_VALUES = 1 << 26  # of all matrices together; MediaPipe's embedder has a thousandth
MAX_LAYERS = 64


@dataclass(frozen=True)
class GestureEmbedderSpec:
    """`landmarks` points become an `embedding` of so many numbers. The points are first moved so
    that the mean of the landmarks `origin` is 0 and divided by their extent. Then a residual
    network, `width` numbers wide: a first block with `hidden` numbers inside, and `blocks` more.
    """

    landmarks: int
    origin: tuple[int, ...]
    hidden: int
    width: int
    blocks: int
    embedding: int


@dataclass(frozen=True)
class DenseSpec:
    """A layer of a classifier: `kind` is "linear" (a matrix and a bias) or "scale" (one factor and
    one summand for each number, a batch normalisation); it gives `values` numbers.
    """

    kind: str
    values: int
    activation: str = "none"


@dataclass(frozen=True)
class GestureClassifierSpec:
    """An `embedding` of so many numbers becomes one probability for each gesture, by `layers` and
    a softmax. `labels` names the gestures, in the order of the last layer's values; empty if the
    file does not. The label of no gesture is "None".
    """

    embedding: int
    layers: tuple[DenseSpec, ...]
    labels: tuple[str, ...] = ()


GestureSpec = GestureEmbedderSpec | GestureClassifierSpec
FAMILIES: dict[str, type[GestureEmbedderSpec] | type[GestureClassifierSpec]] = {
    EMBEDDER: GestureEmbedderSpec,
    CLASSIFIER: GestureClassifierSpec,
}


def gesture_family(spec: GestureSpec) -> str:
    """The family's name in a record: `gesture-embedder` or `gesture-classifier`."""
    return next(name for name, kind in FAMILIES.items() if isinstance(spec, kind))


def gesture_spec_to_dict(spec: GestureSpec) -> dict[str, Any]:
    """Plain dicts, lists and numbers, with the family under `"family"`."""
    return {"family": gesture_family(spec), **asdict(spec)}


def gesture_spec_from_dict(values: Mapping[str, Any]) -> GestureSpec:
    """The inverse of `gesture_spec_to_dict`, through JSON or not. Raises ValueError if a field is
    missing, unknown or of another type, or describes no network that can be built.
    """
    kind = FAMILIES[values["family"]]
    spec = build(kind, {key: value for key, value in values.items() if key != "family"}, "spec")
    check_gesture_spec(spec)
    return spec


def check_gesture_spec(spec: GestureSpec) -> None:
    """Raises ValueError naming the first field that prevents the network from being built."""
    if isinstance(spec, GestureEmbedderSpec):
        for name in ("landmarks", "hidden", "width", "embedding"):
            _within(f"spec.{name}", getattr(spec, name))
        _within("spec.blocks", spec.blocks, 0)
        wide = max(3 * spec.landmarks, spec.hidden, spec.width, spec.embedding)
        _within("the spec's matrices", wide * wide * (spec.blocks + 4))
        if not spec.origin or not all(0 <= point < spec.landmarks for point in spec.origin):
            raise ValueError(f"spec.origin is {list(spec.origin)!s:.80}, expected landmarks")
        return
    _within("spec.embedding", spec.embedding)
    if not spec.layers or spec.layers[-1].kind != "linear":
        raise ValueError("spec.layers do not end with a linear layer")
    _within("the number of spec.layers", len(spec.layers), high=MAX_LAYERS)
    values = spec.embedding
    for i, layer in enumerate(spec.layers):
        where = f"spec.layers[{i}]"
        for name, value, known in (
            ("kind", layer.kind, LAYERS),
            ("activation", layer.activation, ACTIVATIONS),
        ):
            if value not in known:
                raise ValueError(f"{where}.{name} is {value!r:.80}, expected one of {known}")
        _within(f"{where}.values", layer.values)
        _within(f"{where}'s matrix", layer.values * values)
        if layer.kind == "scale" and layer.values != values:
            raise ValueError(f"{where} gives {layer.values} values from {values}")
        values = layer.values
    if spec.labels and len(spec.labels) != values:
        raise ValueError(f"spec.labels are {len(spec.labels)} for {values} probabilities")


def _within(where: str, value: int, low: int = 1, high: int = MAX_VALUES) -> None:
    if not low <= value <= high:
        raise ValueError(f"{where}: {value}, expected {low} to {high}")
