"""What `kernels.cpp` carries out: steps over maps in one arena of floats, and their weights.

A `Map` is known by its size while steps are written down; `Steps.laid_out` then gives each its
place in the arena. Maps of the same shape whose lives do not overlap share a place, and their
margins stay zero.
"""

import ctypes
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

INPUT, CONVOLUTION, DEPTHWISE, RESIZE, MEAN, EXPANSION = range(6)
ACTIVATIONS = ("none", "clamp", "prelu", "maximum")
SHORTCUTS = ("none", "identity", "clamped", "max_pool")
ALIGNED = 16  # floats, a line of the cache
MANY = 8 * ALIGNED  # channels, from which on a line more costs little
FOREVER = 1 << 30  # steps

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sizes:
    """Of kernels.cpp: the floats of a vector and of a tile's depthwise results, the most pixels of
    a tile.
    """

    lanes: int
    scratch: int
    tile: int


class View(ctypes.Structure):
    """As in kernels.cpp."""

    _fields_ = [(name, ctypes.c_int64) for name in ("start", "row", "pixel")]


class Activated(ctypes.Structure):
    """As in kernels.cpp."""

    _fields_ = [(name, ctypes.c_int64) for name in ("kind", "values")]


def _numbers(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_int64) for name in names]


class Step(ctypes.Structure):
    """As in kernels.cpp."""

    _fields_ = [
        ("kind", ctypes.c_int64),
        *[(name, View) for name in ("source", "target", "shortcut")],
        *_numbers("height", "width", "in_height", "in_width", "stride"),
        *_numbers("kernel_height", "kernel_width"),
        *_numbers("depthwise_vectors", "depthwise_weights", "depthwise_bias"),
        ("depthwise_activation", Activated),
        *_numbers("runs", "run_row", "run_length", "weights", "bias", "vectors"),
        *[(name, Activated) for name in ("before", "after")],
        *_numbers("shortcut_kind", "shortcut_vectors", "limits"),
        *_numbers("ring", "band", "first_row", "ring_margin"),
    ]


@dataclass(eq=False)
class Map:
    """Height, width, channels; `pixel` floats from one pixel to the next. `margin`: rows or columns
    of zeros at the top, bottom, left and right. `first` and `last`: the steps that write and read
    it. `ring`: it holds some rows of a larger map (EXPANSION).
    """

    channels: int
    height: int
    width: int
    pixel: int
    margin: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    first: int = 0
    last: int = 0
    start: int = -1
    ring: bool = False

    @property
    def row(self) -> int:
        return (self.width + self.margin[2] + self.margin[3]) * self.pixel

    @property
    def size(self) -> int:
        """Floats, with the margins."""
        return (self.height + self.margin[0] + self.margin[1]) * self.row

    def at(self, y: int, x: int) -> int:
        """Where a pixel lies in the arena; it may be one of the margin."""
        return self.start + (self.margin[0] + y) * self.row + (self.margin[2] + x) * self.pixel

    def widen(self, y: "Window", x: "Window") -> None:
        """Makes the margins large enough for these windows."""
        needed = (-y.first, y.last + 1 - self.height, -x.first, x.last + 1 - self.width)
        self.margin = [max(pair) for pair in zip(self.margin, needed, strict=True)]


@dataclass(frozen=True)
class Window:
    """What a kernel reads along one axis: from pixel `first` (negative in the margin), `stride` on
    for each of `outputs`.
    """

    first: int
    kernel: int
    stride: int
    outputs: int

    @property
    def last(self) -> int:
        return self.first + (self.outputs - 1) * self.stride + self.kernel - 1


@dataclass(frozen=True)
class Place:
    """Pixels of a map: the first, and every `step`-th from there."""

    map: Map
    y: int = 0
    x: int = 0
    step: int = 1

    def view(self) -> View:
        step = self.step
        return View(self.map.at(self.y, self.x), self.map.row * step, self.map.pixel * step)


class Steps:
    """Steps in the order in which they run, with their weights, for vectors of `lanes` floats."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.maps: list[Map] = []
        self._steps: list[tuple[Step, dict[str, Place]]] = []
        self._weights: list[Floats] = []
        self._held = 0

    def vectors(self, channels: int) -> int:
        return -(-channels // self.lanes)

    def spaced(self, channels: int) -> int:
        """Floats from one pixel to the next."""
        whole = self.vectors(channels) * self.lanes
        return whole + ALIGNED if whole >= MANY and whole // ALIGNED % 2 == 0 else whole

    def new_map(self, channels: int, height: int, width: int, pixel: int = 0) -> Map:
        """A map that the next step writes. Pixels of many channels lie an odd number of the cache's
        lines apart, so that those under a kernel do not compete for the same places in it.
        """
        pixel = pixel or self.spaced(channels)
        made = Map(channels, height, width, pixel, first=len(self._steps))
        self.maps.append(made)
        return made

    def weights(self, values: Floats) -> int:
        """Keeps values, and returns where they lie."""
        start = self._held
        whole = -(-values.size // ALIGNED) * ALIGNED
        kept = np.zeros(whole, np.float32)
        kept[: values.size] = values.ravel()
        self._weights.append(kept)
        self._held += whole
        return start

    def per_channel(self, values: Floats) -> int:
        """The same for a value of each channel, filled up to whole vectors."""
        filled = np.zeros(self.vectors(len(values)) * self.lanes, np.float32)
        filled[: len(values)] = values
        return self.weights(filled)

    def add(self, kind: int, source: Place, target: Place, **fields: Any) -> Step:
        """Writes a step down; `shortcut` may be a `Place` too."""
        places = {"source": source, "target": target}
        if (shortcut := fields.pop("shortcut", None)) is not None:
            places["shortcut"] = shortcut
        for name, place in places.items():
            if name != "target":
                place.map.last = len(self._steps)
        step = Step(kind=kind, **fields)
        self._steps.append((step, places))
        return step

    def laid_out(self, kept: Sequence[Map]) -> tuple[Any, Floats, int]:
        """The steps as an array for `run`, their weights, and the arena's size in floats. `kept`:
        maps that are read after the last step.
        """
        for each in kept:
            each.last = FOREVER
        size = self._place_maps()
        array = (Step * len(self._steps))()
        for i, (step, places) in enumerate(self._steps):
            for name, place in places.items():
                setattr(step, name, place.view())
            if step.runs > 1:
                step.run_row = places["source"].map.row
            array[i] = step
        return array, aligned(np.concatenate(self._weights)), size

    def _place_maps(self) -> int:
        free: defaultdict[tuple[int, ...], list[tuple[int, int]]] = defaultdict(list)
        size = 0
        for each in self.maps:
            shape = (each.height, each.width, each.pixel, each.ring, *each.margin)
            places = free[shape]
            found = next((place for place in places if place[1] < each.first), None)
            if found is None:
                each.start, size = size, size + -(-each.size // ALIGNED) * ALIGNED
            else:
                places.remove(found)
                each.start = found[0]
            places.append((each.start, max(each.last, each.first)))
        return size


def aligned(values: Floats) -> Floats:
    """The same values at an address that begins a line of the cache."""
    room = np.zeros(values.size + ALIGNED, np.float32)
    begin = -room.ctypes.data % (4 * ALIGNED) // 4
    held = room[begin : begin + values.size]
    held[:] = values
    return held
