"""What parity feeds: golden images, own images, and seeded noise, one case at a time.

Noise reaches every weight and every border, and anyone can make the same numbers again:
`numpy.random.Generator(PCG64(seed))`, float32 in [0, 1) in C order, scaled to the range. What
it cannot show is what a hand does to scores and landmarks; the images do.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.file_names import file_name, folded, unique_name

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet

NOISE = "noise"


@dataclass(frozen=True)
class Case:
    """One input. `image` (H, W, 3) uint8 RGB, or None for noise, which each model gets in its
    own shape from `seed` and `draw`. `truth`: hands as the report lists them, None unknown.
    `spared`: backends that it does without.
    """

    name: str
    kind: str
    image: NDArray[np.uint8] | None
    truth: tuple[dict[str, Any], ...] | None = None
    seed: int = 0
    draw: int = 0
    spared: frozenset[str] = frozenset()

    @cached_property
    def sha256(self) -> str:
        """Of the pixels and their shape; of seed and draw for noise."""
        if self.image is None:
            return hashlib.sha256(f"noise {self.seed} {self.draw}".encode()).hexdigest()
        digest = hashlib.sha256(repr(self.image.shape).encode())
        digest.update(np.ascontiguousarray(self.image).data)
        return digest.hexdigest()


def sparing(cases: Iterable[Case], backends: Iterable[str], every: int) -> Iterator[Case]:
    """The same cases; pictures do without `backends`, but for the first and each `every`-th."""
    spared = frozenset(backends)
    for index, case in enumerate(cases):
        spare = case.image is not None and index % every != 0
        yield replace(case, spared=spared) if spare else case


def noise_cases(count: int, seed: int) -> Iterator[Case]:
    for draw in range(count):
        yield Case(f"noise-{draw:04d}", NOISE, None, seed=seed, draw=draw)


def noise(
    shape: tuple[int, ...], value_range: tuple[float, float], seed: int, draw: int
) -> NDArray[np.float32]:
    """The `draw`-th float32 array of `shape` (N, H, W, C) in `value_range`; which values, only
    `seed` and `draw` decide.
    """
    generator = np.random.Generator(np.random.PCG64([seed, draw]))
    low, high = (np.float32(bound) for bound in value_range)
    values: NDArray[np.float32] = generator.random(shape, dtype=np.float32) * (high - low) + low
    return values


def golden_cases(golden: "GoldenSet") -> Iterator[Case]:
    """The golden set's images that can be read, in the manifest's order."""
    for case in golden.cases:
        if not case.readable:
            continue
        truth = tuple(
            {
                "box": [float(v) for v in hand.box],
                "landmarks": np.asarray(hand.joints_2d, np.float64).tolist(),
                "handedness": hand.handedness,
            }
            for hand in case.hands
        )
        known = case.kind in ("hand", "hard")
        yield Case(case.name, case.kind, golden.image(case), truth if known else None)


def own_cases(paths: Sequence[str | Path]) -> Iterator[Case]:
    """Own images and frames of videos. Raises InvalidImage where one cannot be read."""
    from blazepalm.media.frames import find_sources, read_frames

    for source in find_sources(paths):
        for frame in read_frames(source):
            yield Case(frame.name, "own", frame.image)


def distinct_cases(cases: Iterable[Case]) -> Iterator[Case]:
    """The same, of different names, as files too: the second `a.png` becomes `a.png~2`."""
    seen: set[str] = set()
    for case in cases:
        name = unique_name(case.name, seen, "~", key=lambda name: folded(file_name(name)))
        yield case if name == case.name else replace(case, name=name)
