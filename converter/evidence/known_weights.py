"""Roles, value range and generation of a network that has weights of a known release, up to the
rounding of its own storage.

A head with the weights of a release's presence head is the presence. The first convolution of a
re-export for another value range has the release's weights times the ratio of the ranges' widths.
The releases on this machine are compared: embedded ones and those fetched earlier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from blazepalm.converter.architecture import Recognition, examine
from blazepalm.converter.evidence.input_range import RANGES, Range
from blazepalm.converter.tflite.graph import Graph, Tensor
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidModel
from blazepalm.models.generation import Generation
from blazepalm.models.release_registry import Release, load_registry

STEM = "backbone.stem.conv"
FLOAT16_STEP = 2.0**-11  # relative: half a spacing of float16
FLOAT16_LEAST = 2.0**-25  # half a spacing of float16 near zero
ENOUGH = 0.1  # a coarse quantisation explains anything; the weights must agree better than this


@dataclass(frozen=True)
class Known:
    """`roles`: by the unknown network's own path of a head, the release's role of it. The release
    is the first that has the same head or first convolution.
    """

    release: Release
    roles: Mapping[str, str]
    value_range: Range | None


def known_weights(recognition: Recognition) -> Known | None:
    """The release whose weights the network has; None if there is none on this machine."""
    own = _layers(recognition)
    for release in load_registry().releases:
        generation = release.generation
        if generation.family != recognition.family:
            continue
        if generation.input_size != recognition.spec.input_size:
            continue
        place = release.location()
        layers = None if place is None else _released(place)
        if layers is None:
            continue
        roles = {
            path: known_path
            for path, tensor in own.items()
            for known_path, known in layers.items()
            if STEM not in (path, known_path) and _same(tensor, known)
        }
        value_range = _value_range(own.get(STEM), layers.get(STEM), generation)
        if roles or value_range is not None:
            return Known(release, roles, value_range)
    return None


def most_alike(recognition: Recognition) -> Release | None:
    """The release that has most of the network's heads and first convolution; None if none on this
    machine has any.
    """
    own = _layers(recognition)
    found: tuple[int, Release | None] = (0, None)
    for release in load_registry().releases:
        place = release.location() if release.family == recognition.family else None
        layers = None if place is None else _released(place)
        same = sum(_same(own[path], known) for path, known in (layers or {}).items() if path in own)
        if same > found[0]:
            found = same, release
    return found[1]


def _value_range(own: Tensor | None, known: Tensor | None, generation: Generation) -> Range | None:
    """The range for which the first convolution has the release's weights."""
    if own is None or known is None:
        return None
    low, high = generation.value_range
    same_width = [generation.value_range]
    same_width += [r for r in RANGES if r[1] - r[0] != high - low]
    return next((r for r in same_width if _same(own, known, (high - low) / (r[1] - r[0]))), None)


def _same(own: Tensor, known: Tensor, ratio: float = 1.0) -> bool:
    """Whether `own` holds the values of `known` times `ratio`, rounded as the file stores them."""
    if own.data is None or known.data is None or own.data.size != known.data.size:
        return False
    found = own.data.reshape(-1).astype(np.float64)
    expected = known.data.reshape(-1).astype(np.float64) * ratio
    apart = np.abs(found - expected)
    size = np.abs(expected)
    origin = own.provenance
    step = 0.0
    if origin is not None and origin.quantisation is not None:
        step = max(origin.quantisation.scale, default=0.0) * 0.5001  # its half, and float32's own
    elif origin is not None and origin.dtype == "float16":
        step = FLOAT16_LEAST
    with np.errstate(invalid="ignore"):
        return bool(
            (apart <= np.maximum(step, size * FLOAT16_STEP)).all()
            and apart.sum() < ENOUGH * size.sum()
        )


@cache
def _released(place: Path) -> dict[str, Tensor] | None:
    """The layers of a release's file by path; None if it cannot be read."""
    try:
        recognition, _ = examine(read_bytes(place.read_bytes(), str(place)))
    except (InvalidModel, OSError):
        return None
    return None if recognition is None else _layers(recognition)


def _layers(recognition: Recognition) -> dict[str, Tensor]:
    """The weights of the first convolution and of every head, by the module's path."""
    graph: Graph = recognition.normal
    operators = {op.index: op for op in graph.operators}
    return {
        path: graph.tensors[operators[index].inputs[1]]
        for index, path in recognition.modules.items()
        if (path == STEM or path.startswith("heads.")) and len(operators[index].inputs) > 1
    }
