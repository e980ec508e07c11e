"""What parity feeds: golden images, own images, and seeded noise, one case at a time.

Noise reaches every weight and every border, and anyone can make the same numbers again:
`numpy.random.Generator(PCG64(seed))`, float32 in [0, 1) in C order, scaled to the range. What
it cannot show is what a hand does to scores and landmarks; the images do.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet

NOISE = "noise"


@dataclass(frozen=True)
class Case:
    """One input. `image` (H, W, 3) uint8 RGB, or None for noise, which each model gets in its
    own shape from `seed` and `draw`. `truth`: hands as the report lists them, None unknown.
    """

    name: str
    kind: str
    image: NDArray[np.uint8] | None
    truth: tuple[dict[str, Any], ...] | None = None
    seed: int = 0
    draw: int = 0

    @property
    def sha256(self) -> str:
        """Of the pixels and their shape; of seed and draw for noise."""
        if self.image is None:
            return hashlib.sha256(f"noise {self.seed} {self.draw}".encode()).hexdigest()
        digest = hashlib.sha256(repr(self.image.shape).encode())
        digest.update(np.ascontiguousarray(self.image).data)
        return digest.hexdigest()


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
    from blazepalm.golden.frames import find_sources, read_frames

    seen: dict[str, int] = {}
    for source in find_sources(paths):
        for frame in read_frames(source):
            seen[frame.name] = seen.get(frame.name, 0) + 1
            again = seen[frame.name]
            yield Case(frame.name if again == 1 else f"{frame.name}~{again}", "own", frame.image)
