"""Compares one hand as found by two runs: how far apart they are, by the names of
`AGREEMENT_LIMITS`, and whether that is within the limits. The expected hand comes from MediaPipe's
record (`mediapipe.py`) or from an earlier run (`check.py`).

Lengths are in pixels of an image whose longer side is 640, so one limit suits any picture size.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Values = dict[str, float]

SIDE = 640.0  # pixel limits hold for an image this long; others scale in proportion

# mean and largest pixels; z in image widths, world landmarks in metres, handedness
AGREEMENT_LIMITS: Values = {
    "mean": 0.05,
    "most": 0.5,
    "depth": 0.001,
    "world": 0.001,
    "handedness": 0.01,
}
MEAN = "mean"  # averaged over hands; of the others, the largest counts

UNLIKE = 1.0  # metres, or a probability: where only one of the two has the value


class FoundHand(Protocol):
    """`landmarks` (21, 3): x, y normalised to the image, z in image widths; `world_landmarks`
    (21, 3) metres, or None; `handedness` 0 for left to 1 for right, not mirrored, or None.
    """

    @property
    def landmarks(self) -> Floats: ...
    @property
    def world_landmarks(self) -> Floats | None: ...
    @property
    def handedness(self) -> Floats | float | None: ...


def difference(hand: FoundHand, expected: FoundHand, size: tuple[int, int]) -> Values:
    """The differences named by `AGREEMENT_LIMITS`, for one hand in an image of `size` (height,
    width): mean and largest distance of landmarks, largest difference of z, world landmarks and
    handedness.
    """
    pixels = distances(hand.landmarks, expected.landmarks, size)
    return {
        "mean": float(pixels.mean()),
        "most": float(pixels.max()),
        "depth": _apart(hand.landmarks[:, 2], expected.landmarks[:, 2]),
        "world": _apart(hand.world_landmarks, expected.world_landmarks),
        "handedness": _apart(hand.handedness, expected.handedness),
    }


def distances(points: Floats, expected: Floats, size: tuple[int, int]) -> NDArray[np.float64]:
    """(N,) distances between (N, ≥2) points normalised to an image of `size` (height, width)."""
    away = points[:, :2].astype(np.float64) - expected[:, :2]
    pixels = np.hypot(away[:, 0] * size[1], away[:, 1] * size[0])
    return np.asarray(pixels * (SIDE / max(size)))


def together(differences: Sequence[Values], limits: Mapping[str, float]) -> Values:
    """The mean of the means and the largest of the others; 0 where there are no hands."""
    found = dict.fromkeys(limits, 0.0)
    if differences:
        for name in limits:
            values = [one[name] for one in differences]
            found[name] = float(np.mean(values) if name == MEAN else np.max(values))
    return found


def beyond(values: Mapping[str, float], limits: Mapping[str, float]) -> tuple[str, ...]:
    """The names of the limits that are exceeded; NaN exceeds any."""
    return tuple(name for name, limit in limits.items() if not values[name] <= limit)


def _apart(one: Floats | float | None, other: Floats | float | None) -> float:
    """The largest difference; 0 if both are None."""
    if one is None or other is None:
        return 0.0 if one is other else UNLIKE
    return float(np.abs(np.asarray(one, np.float64) - other).max())
