"""`manifest.json` of a golden folder: what every file is, what is true of it, and its SHA-256.

Joints are the renderer's own; they were placed where MediaPipe's landmarks lie by convention (a
few millimetres from anatomy), so an error against them is not wholly independent of MediaPipe.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.images import read_image
from blazepalm.models.errors import ArtifactError

FORMAT = "blazepalm-golden"
MANIFEST = "manifest.json"
MOST_BYTES = 1 << 24  # of a manifest
MOST_CASES = 10_000


@dataclass(frozen=True)
class TrueHand:
    """`joints_2d` 21 × (x, y) pixels, (0, 0) the upper left corner; `joints_3d` 21 × metres from
    the camera: right, down, forward; `box` xmin, ymin, xmax, ymax in pixels, not clipped;
    `handedness` the hand's own, `left` or `right`.
    """

    joints_2d: tuple[tuple[float, float], ...]
    joints_3d: tuple[tuple[float, float, float], ...]
    box: tuple[float, float, float, float]
    handedness: str


@dataclass(frozen=True)
class GoldenCase:
    """`kind`: `hand`, `hard`, `file`, or `own` (an own picture: its hands are not known).
    `readable`: whether `read_image` takes the file; if not, `width` and `height` are 0.
    `parameters`: what it was rendered with.
    """

    name: str
    kind: str
    file: str
    sha256: str
    readable: bool
    width: int
    height: int
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)
    hands: tuple[TrueHand, ...] = ()


@dataclass(frozen=True)
class GoldenSet:
    """`sha256` is of the manifest: it names pictures and truth together."""

    version: int
    folder: Path
    cases: tuple[GoldenCase, ...]

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        values = {
            "format": FORMAT,
            "version": self.version,
            "cases": [asdict(case) for case in self.cases],
        }
        return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()

    def image(self, case: GoldenCase) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB. Raises ArtifactError where the file is not the manifest's."""
        path = self.folder / case.file
        if file_sha256(path) != case.sha256:
            raise ArtifactError(f"{path}: is not the file of the manifest; make the set again")
        return read_image(path)


def load_golden(folder: Path) -> GoldenSet:
    """Reads a golden folder's manifest. Raises ArtifactError where it is missing or wrong."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ArtifactError(f"{path}: is larger than {MOST_BYTES >> 20} MB, no manifest is")
        values = json.loads(path.read_bytes())
        if values["format"] != FORMAT or len(values["cases"]) > MOST_CASES:
            raise ValueError("format")
        cases = tuple(_case(case) for case in values["cases"])
        return GoldenSet(int(values["version"]), folder, cases)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder}: holds no golden set ({MANIFEST} is missing)") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path}: is no manifest of a golden set ({error})") from error


def file_sha256(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _case(values: dict[str, Any]) -> GoldenCase:
    file = str(values["file"])
    if Path(file).name != file or file in ("", ".", ".."):
        raise ValueError(f"{file!r} is no file name")
    hands = tuple(
        TrueHand(
            tuple((float(x), float(y)) for x, y in hand["joints_2d"]),
            tuple((float(x), float(y), float(z)) for x, y, z in hand["joints_3d"]),
            _box(hand["box"]),
            str(hand["handedness"]),
        )
        for hand in values["hands"]
    )
    return GoldenCase(
        name=str(values["name"]),
        kind=str(values["kind"]),
        file=file,
        sha256=str(values["sha256"]),
        readable=bool(values["readable"]),
        width=int(values["width"]),
        height=int(values["height"]),
        seed=int(values["seed"]),
        parameters=dict(values["parameters"]),
        hands=hands,
    )


def _box(values: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom
