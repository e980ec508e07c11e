"""Converted releases, each built once per test process, and seeded images for them."""

from functools import cache

import numpy as np

from blazepalm.converter.convert import module_of
from blazepalm.converter.converted import Converted
from support.models import shared_model


@cache
def converted(release: str) -> Converted:
    """One shared release, converted in memory (the proof included)."""
    return module_of(shared_model(release))


def images(release: str, count: int, seed: int = 0) -> np.ndarray:
    """(count, H, W, 3) float32, uniform in the release's value range."""
    model = converted(release)
    low, high = (0.0, 1.0) if model.recognition is None else model.recognition.spec.value_range
    shape = (count, *model.graph.tensors[model.graph.inputs[0]].shape[1:])
    return np.random.Generator(np.random.PCG64(seed)).uniform(low, high, shape).astype(np.float32)
