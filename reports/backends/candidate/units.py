"""The units in which conversions return what the file returns: scores as probabilities in place of
logits (or the reverse), points as a share of the input's side in place of pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

POINTS = ("boxes", "landmarks")
CERTAINTIES = ("scores", "presence", "handedness")
LEAST = 2.0**-149  # float32's smallest number: the logit of 0 stays finite


@dataclass(frozen=True)
class Unit:
    """`words` describe it ("" for the file's own unit); `to_file` turns its values into the file's.
    `exact`: whether float32 loses no more than a rounding by that. `compared` is applied to the
    file's values before two of them are compared: a logit is lost where the probability is 0 or 1.
    """

    words: str
    to_file: Callable[[np.ndarray], np.ndarray]
    exact: bool = True
    compared: Callable[[np.ndarray], np.ndarray] = lambda values: values


OWN = Unit("", lambda values: values)


def units_of(field: str, side: int | None) -> list[Unit]:
    """The units that the output `field` may come in, the file's own first; `side` is that of a
    square input in pixels, else None.
    """
    if field in CERTAINTIES:
        return [
            OWN,
            Unit("as a probability", _logit, exact=False, compared=_sigmoid),
            Unit("as a logit", _sigmoid, exact=False),
        ]
    if field in POINTS and side is not None:
        return [OWN, Unit(f"in 1/{side} pixels", partial(_scaled, side))]
    return [OWN]


def _logit(values: np.ndarray) -> np.ndarray:
    p = np.clip(values.astype(np.float64), 0.0, 1.0)
    found: np.ndarray = np.log(np.maximum(p, LEAST)) - np.log(np.maximum(1.0 - p, LEAST))
    return found.astype(np.float32)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(values.astype(np.float64), -700, 700)))
    return found.astype(np.float32)


def _scaled(side: int, values: np.ndarray) -> np.ndarray:
    found: np.ndarray = values.astype(np.float64) * side
    return found.astype(np.float32)
