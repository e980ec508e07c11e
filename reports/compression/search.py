"""The smallest Core ML package whose compressed weights still keep the task's limits.

Each large weight is stored in one of several ways: as float16, as integers of 8 bits, or by a
palette of 256, 64 or 16 values. What each costs alone is measured on pictures (`measure`). A price
per byte then chooses for all weights at once: the way whose squared cost plus price is least,
because the errors of different layers are independent and add up as squares. Every choice is
measured as a whole; the smallest one that uses at most `TARGET` of every limit is the result.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.compress import MOST_KEPT, palette, palette_size
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.compression.measure import Cost, Image, Measure
from blazepalm.reports.judge.policy import COMPRESSION_SHARE as TARGET
from blazepalm.reports.judge.policy import LIMITS, Limits

if TYPE_CHECKING:
    from torch import nn

FEW = 8  # inputs that show what a weight costs alone; choices are measured on all
LEAST_SHARE = 0.01  # of the large weights' bytes: smaller ones stay as they are
STEPS = 12  # choices that are measured, halving the interval of prices
PLAIN = ""  # a weight as float16, or as float32 where the package computes in it
PALETTES = ("palettize6", "palettize4")
LOWEST, HIGHEST = 1e-12, 1e-2  # prices: squared shares of a limit for a byte

OnStep = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Way:
    """One way to store a weight: its size in bytes, and what it costs alone, squared."""

    kind: str
    size: int
    cost: float
    values: Any  # torch.Tensor: the weight as it is read back


@dataclass(frozen=True)
class Choice:
    """A kind for each weight that is compressed, the size of all large weights together, and the
    cost, measured on the pictures.
    """

    weights: tuple[tuple[str, str], ...]
    size: int
    cost: Cost

    @property
    def passes(self) -> bool:
        return self.cost.used <= TARGET


@dataclass(frozen=True)
class Found:
    """The result; `curve`: every choice that was measured, the largest first; `plain`: the size of
    the large weights uncompressed; `inputs`: how many pictures or hands were measured.
    """

    best: Choice
    curve: tuple[Choice, ...]
    plain: int
    inputs: int


class Weights:
    """The large weights of a face that can be changed. `size`: the bytes of all large weights."""

    def __init__(self, model: Converted, measure: Measure) -> None:
        from blazepalm.converter.coreml.faces import face_module
        from blazepalm.converter.coreml.trace import trace

        face = face_module(model, measure.face)
        traced = trace(face, model.graph)
        self.face: nn.Module = copy.deepcopy(face)
        found: dict[str, tuple[str, int]] = {}
        self.places: dict[str, str] = {}  # name in the package → name in the face
        self.bytes: dict[str, int] = {}  # of one value
        parameters = dict(self.face.named_parameters())
        for node in traced.graph.nodes:
            target = str(node.target)
            if node.op != "get_attr" or target not in parameters:
                continue
            if parameters[target].numel() <= MOST_KEPT:
                continue
            name = traced.paths[node]
            single = all(user in traced.single for user in node.users)
            found[name] = target, 4 if single else 2
        sizes = {name: parameters[t].numel() * width for name, (t, width) in found.items()}
        self.size = sum(sizes.values())
        for name, (target, width) in found.items():
            if sizes[name] >= LEAST_SHARE * self.size:
                self.places[name] = target
                self.bytes[name] = width

    def value(self, name: str) -> Any:
        return self.face.get_parameter(self.places[name]).detach()

    def set(self, name: str, values: Any) -> None:
        self.face.get_parameter(self.places[name]).data = values


def smallest(
    model: Converted,
    images: Sequence[Image],
    limits: Limits = LIMITS,
    on_step: OnStep = lambda what, done, total: None,
) -> Found:
    """Searches for one model on pictures of hands. Raises CouldNotVerify if nothing can be measured
    on them, or if even the uncompressed weights are the smallest that pass.
    """
    with one_torch_thread():
        measure = Measure(model, images, limits)
        ports = tuple(port.name for port in face_ports(model, measure.face)[1])
        weights = Weights(model, measure)
        reference = measure.answers(weights.face, ports)

        def cost(few: int | None = None) -> Cost:
            return measure.cost(reference, measure.answers(weights.face, ports, few))

        ways = {}
        for number, name in enumerate(weights.places):
            on_step(f"what {name} costs", number, len(weights.places))
            ways[name] = _ways(weights, name, lambda: cost(FEW))
        curve = _curve(weights, ways, cost, on_step)
    passing = [choice for choice in curve if choice.passes]
    if not passing:
        raise CouldNotVerify(
            f"{model.graph.source}: no weight can be compressed within the task's limits"
        )
    best = min(passing, key=lambda choice: choice.size)
    return Found(
        best, tuple(sorted(curve, key=lambda c: -c.size)), weights.size, len(measure.inputs)
    )


def _ways(weights: Weights, name: str, cost: Callable[[], Cost]) -> list[Way]:
    """The ways to store one weight, uncompressed first, each measured alone."""
    own = weights.value(name)
    array = own.numpy()
    size = array.size
    found = [Way(PLAIN, size * weights.bytes[name], 0.0, own)]
    eight = [(kind, stored(array, kind, weights.bytes[name])) for kind in ("int8", "palettize8")]
    kinds = [min(eight, key=lambda pair: float(((pair[1] - array) ** 2).sum()))]
    kinds += [(kind, stored(array, kind, weights.bytes[name])) for kind in PALETTES]
    for kind, values in kinds:
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        weights.set(name, tensor)
        measured = cost().used ** 2
        found.append(Way(kind, bytes_of(array, kind, weights.bytes[name]), measured, tensor))
    weights.set(name, own)
    return found


def stored(weight: np.ndarray, kind: str, width: int) -> np.ndarray:
    """The weight as a package of that kind gives it back, in numbers of `width` bytes."""
    dtype = np.float32 if width == 4 else np.float16
    if kind == "int8":
        flat = weight.reshape(len(weight), -1)
        scale = np.abs(flat).max(axis=1, keepdims=True) / 127
        scale[scale == 0] = 1
        steps = np.rint(flat / scale).clip(-127, 127)
        whole: np.ndarray = (steps * scale.astype(dtype).astype(np.float32)).reshape(weight.shape)
        return whole
    values, indices = palette(weight.astype(dtype), palette_size(kind))
    read_back: np.ndarray = values[indices].reshape(weight.shape).astype(np.float32)
    return read_back


def bytes_of(weight: np.ndarray, kind: str, width: int) -> int:
    """How much a package stores for a weight of that kind."""
    if kind == "int8":
        return int(weight.size + len(weight) * (width + 1))  # scales and zero points
    entries = palette_size(kind)
    return int(weight.size * (entries.bit_length() - 1) // 8 + entries * width)


def _curve(
    weights: Weights, ways: dict[str, list[Way]], cost: Callable[[], Cost], on_step: OnStep
) -> list[Choice]:
    """Choices for prices between cheap and dear, halving the interval round the limit."""
    low, high = LOWEST, HIGHEST
    found: dict[tuple[str, ...], Choice] = {}
    for step in range(STEPS):
        on_step("choosing for all weights", step, STEPS)
        price = float(np.sqrt(low * high))
        chosen = {
            name: min(options, key=lambda way: way.cost + price * way.size)
            for name, options in ways.items()
        }
        key = tuple(way.kind for way in chosen.values())
        if key not in found:
            for name, way in chosen.items():
                weights.set(name, way.values)
            kinds = tuple((name, way.kind) for name, way in chosen.items() if way.kind != PLAIN)
            found[key] = Choice(kinds, sum(way.size for way in chosen.values()), cost())
        if found[key].passes:
            low = price
        else:
            high = price
    rest = weights.size - sum(options[0].size for options in ways.values())
    whole = (replace(choice, size=choice.size + rest) for choice in found.values())
    return [choice for choice in whole if choice.weights]
