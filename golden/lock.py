"""`golden.lock.json` records what this version of the golden set looks like, to notice changes.

For each case it holds the SHA-256 of its decoded pixels and of its truth, and mean colours over a
coarse grid. Rendering uses only operations that IEEE 754 defines to the last digit (`exact`), so
that processors and C libraries agree on the bytes; where JPEG libraries differ, or the tail of
NumPy's normal numbers (for which it calls C's logarithm), the means distinguish rounding from a
change. The truth must be equal.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import ArtifactError
from blazepalm.golden.manifest import GoldenCase, GoldenSet

LOCK = Path(__file__).with_name("golden.lock.json")
GRID = (6, 8)  # rows, columns
UNIT = 100  # means are kept in hundredths of an 8-bit level
# Two more levels in one of a thousand pixels move a mean by 0.002; a nail's colour by 1 and more.
TOLERANCE = 3


@dataclass(frozen=True)
class Comparison:
    """`differs`: one sentence for each case that changed; `rounded`: names of cases equal but for
    rounding; `compared`: how many were compared.
    """

    differs: tuple[str, ...]
    rounded: tuple[str, ...]
    compared: int


def check_lock(found: GoldenSet, names: list[str] | None = None) -> Comparison:
    """Compares a set, except your own pictures, with the lock. `names`: compare only these."""
    locked = read_lock()
    differs, rounded, compared = [], [], 0
    if locked["version"] != found.version:
        differs.append(
            f"the set is version {found.version}, the lock is version {locked['version']}"
        )
    have = {case.name: case for case in found.cases if case.kind != "own"}
    for name in sorted({*locked["cases"], *have} if names is None else names):
        if name not in have:
            differs.append(f"{name}: is missing")
        elif name not in locked["cases"]:
            differs.append(f"{name}: is not in the lock")
        else:
            compared += 1
            was, now = locked["cases"][name], lock_case(found, have[name])
            if now["truth"] != was["truth"]:
                differs.append(f"{name}: its truth changed")
            elif now["pixels"] != was["pixels"]:
                if is_rounding(now["means"], was["means"]):
                    rounded.append(name)
                else:
                    differs.append(f"{name}: its picture changed")
    if not compared:
        differs.append("nothing was compared")
    return Comparison(tuple(differs), tuple(rounded), compared)


def lock_text(found: GoldenSet) -> str:
    """The content of `golden.lock.json` for a set. Raises ArtifactError if the set has changed but
    its version has not.
    """
    cases = {case.name: lock_case(found, case) for case in found.cases if case.kind != "own"}
    if LOCK.is_file():
        locked = read_lock()
        same = locked["cases"].keys() == cases.keys() and not check_lock(found).differs
        if locked["version"] == found.version and not same:
            raise ArtifactError(
                f"{LOCK}: already has version {found.version}, but the set has changed; raise "
                "GOLDEN_VERSION in golden/cases.py first"
            )
    values = {"cases": cases, "version": found.version}
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def read_lock() -> dict[str, Any]:
    """`version`, and `cases`: name → `pixels`, `truth`, `means`."""
    try:
        values: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{LOCK}: cannot be read: {error.strerror}") from error
    return values


def lock_case(found: GoldenSet, case: GoldenCase) -> dict[str, str]:
    """One case's entry. A file that is not a picture has a digest of its bytes, and no means."""
    truth = json.dumps([asdict(hand) for hand in case.hands], sort_keys=True)
    entry = {"truth": hashlib.sha256(truth.encode()).hexdigest(), "means": ""}
    if not case.readable:
        return {**entry, "pixels": case.sha256}
    image = found.image(case)
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return {**entry, "pixels": digest.hexdigest(), "means": means(image)}


def means(image: NDArray[np.uint8]) -> str:
    """Mean colours over a grid, in hundredths, as base64 of big-endian uint16."""
    rows, columns = (
        np.linspace(0, side, min(side, parts) + 1).round().astype(int)
        for side, parts in zip(image.shape[:2], GRID, strict=True)
    )
    sums = np.add.reduceat(image, rows[:-1], axis=0, dtype=np.int64)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)
    area = np.diff(rows)[:, None, None] * np.diff(columns)[None, :, None]
    values = (sums * (2 * UNIT) + area) // (2 * area)  # rounded to the nearest integer
    return base64.b64encode(values.astype(">u2").tobytes()).decode("ascii")


def is_rounding(one: str, other: str) -> bool:
    """Whether two pictures' `means` are close enough to differ by rounding only."""
    first, second = (
        np.frombuffer(base64.b64decode(text), ">u2").astype(np.int64) for text in (one, other)
    )
    if first.size == 0 or first.size != second.size:
        return False
    return bool((np.abs(first - second) <= TOLERANCE).all())
