"""Summarises a model's values as plain JSON: type, shape, range, and the difference from another
runtime's values.

JSON has no NaN or infinity, so these are counted and excluded from the range.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from blazepalm.errors import CouldNotVerify

SMALL = 16  # values; up to this many, all are listed


def describe(name: str, value: np.ndarray) -> dict[str, Any]:
    """One value as JSON: the range of its finite elements, and all elements if they are few."""
    row: dict[str, Any] = {
        "name": name,
        "dtype": "text" if value.dtype.kind in "OUS" else str(value.dtype),
        "shape": list(value.shape),
        "min": None,
        "max": None,
        "mean": None,
        "not_finite": 0,
        "values": value.tolist() if value.size <= SMALL else None,
    }
    if row["dtype"] == "text":
        return row
    numbers = value.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    row["not_finite"] = numbers.size - finite.size
    if finite.size:
        row |= {"min": float(finite.min()), "max": float(finite.max())}
        row["mean"] = float(finite.mean())
    if row["not_finite"]:
        row["values"] = None
    return row


def differences(
    ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """The largest difference of each output from Core ML's. Raises CouldNotVerify where there
    is nothing to compare.
    """
    rows = []
    for name, reference in theirs.items():
        found = ours[name]
        if found.shape != reference.shape:
            raise CouldNotVerify(
                f"output '{name}' has shape {list(found.shape)} here, "
                f"{list(reference.shape)} in Core ML"
            )
        both = found.astype(np.float64), reference.astype(np.float64)
        alike = (both[0] == both[1]) | (np.isnan(both[0]) & np.isnan(both[1]))
        with np.errstate(invalid="ignore"):
            difference = np.where(alike, 0.0, np.abs(both[0] - both[1]))
        largest = float(difference.max(initial=0.0))
        rows.append({"name": name, "largest": largest if np.isfinite(largest) else None})
    if not rows:
        raise CouldNotVerify("Core ML returned no output to compare")
    return rows
