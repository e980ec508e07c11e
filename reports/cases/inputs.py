"""Parity's inputs: golden images, photographs, your own images, and seeded noise, one case at a
time.

Noise reaches every weight and every border, and is reproducible anywhere:
`numpy.random.Generator(PCG64([seed, draw]))`, float32 in [0, 1) in C order, scaled to the range.
Only images show the effect of a hand on scores and landmarks.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepalm.file_names import file_name, folded, unique_name
from blazepalm.reports.compare.hands import ListedTruth

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.golden.photos import LocalPhoto

NOISE, PHOTO = "noise", "photo"


@dataclass(frozen=True)
class Case:
    """One input. `image`: (H, W, 3) uint8 RGB, or None for noise, drawn in each model's shape
    from `seed` and `draw`. `truth`: hands as the report lists them, None if unknown. `spared`:
    backends that skip this case.
    """

    name: str
    kind: str
    image: NDArray[np.uint8] | None
    truth: tuple[ListedTruth, ...] | None = None
    seed: int = 0
    draw: int = 0
    spared: frozenset[str] = frozenset()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the image's shape and pixels, or of noise's seed and draw."""
        if self.image is None:
            return hashlib.sha256(f"noise {self.seed} {self.draw}".encode()).hexdigest()
        digest = hashlib.sha256(repr(self.image.shape).encode())
        digest.update(np.ascontiguousarray(self.image).data)
        return digest.hexdigest()


def sparing(
    cases: Iterable[Case],
    backends: Iterable[str],
    every: int,
    rare: Iterable[str] = (),
    rarely: int = 1,
) -> Iterator[Case]:
    """The same cases, but pictures skip `backends`, except the first and every `every`-th; those of
    them that are `rare` skip these, too, except the first and every `rarely`-th.
    """
    spared, rare = frozenset(backends), frozenset(rare)
    for index, case in enumerate(cases):
        skips: frozenset[str] = frozenset()
        if case.image is not None and index % (every * rarely):
            skips = spared if index % every else rare
        yield replace(case, spared=skips) if skips else case


def noise_cases(count: int, seed: int) -> Iterator[Case]:
    for draw in range(count):
        yield Case(f"noise-{draw:04d}", NOISE, None, seed=seed, draw=draw)


def noise(
    shape: tuple[int, ...], value_range: tuple[float, float], seed: int, draw: int
) -> NDArray[np.float32]:
    """The `draw`-th float32 array of `shape` (N, H, W, C) in `value_range`, determined by `seed`
    and `draw` alone.
    """
    generator = np.random.Generator(np.random.PCG64([seed, draw]))
    low, high = (np.float32(bound) for bound in value_range)
    values: NDArray[np.float32] = generator.random(shape, dtype=np.float32) * (high - low) + low
    return values


def golden_cases(golden: "GoldenSet") -> Iterator[Case]:
    """The golden set's readable images, in the manifest's order."""
    for case in golden.cases:
        if not case.readable:
            continue
        truth = tuple(
            ListedTruth(box=hand.box, landmarks=hand.joints_2d, handedness=hand.handedness)
            for hand in case.hands
        )
        known = case.kind in ("hand", "hard")
        yield Case(case.name, case.kind, golden.image(case), truth if known else None)


def photo_cases(photos: "Iterable[LocalPhoto]") -> Iterator[Case]:
    """Photographs: nobody knows their joints exactly, so they have no truth. Raises ArtifactError
    if a file has changed since it was found.
    """
    for found in photos:
        yield Case(found.photo.name, PHOTO, found.image())


def own_cases(paths: Sequence[str | Path]) -> Iterator[Case]:
    """The user's images and video frames. Raises InvalidImage where one cannot be read."""
    from blazepalm.media.frames import find_sources, read_frames

    for source in find_sources(paths):
        for frame in read_frames(source):
            yield Case(frame.name, "own", frame.image)


def skipped_files(paths: Sequence[str | Path]) -> list[tuple[str, str]]:
    """The path and a sentence for all that folders of `paths` hold besides images and videos.
    Raises InvalidImage for a path that names nothing.
    """
    from blazepalm.media.frames import find_sources

    found: list[tuple[str, str]] = []
    if paths:
        find_sources(paths, lambda path, sentence: found.append((str(path), sentence)))
    return found


def distinct_cases(cases: Iterable[Case]) -> Iterator[Case]:
    """The same cases with distinct names, also as files: the second `a.png` becomes `a.png~2`."""
    seen: set[str] = set()
    for case in cases:
        name = unique_name(case.name, seen, "~", key=lambda name: folded(file_name(name)))
        yield case if name == case.name else replace(case, name=name)
