"""`manifest.json` of a golden folder: for each file its kind, its truth and its SHA-256.

Joints are the renderer's own; they were placed where MediaPipe's landmarks lie by convention (a few
millimetres from anatomy), so an error against them is not wholly independent of MediaPipe. A
manifest may be hostile: it is bounded, checked value by value, and cannot name files elsewhere.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import ArtifactError
from blazepalm.media.images import MAX_PIXELS, read_image

FORMAT = "blazepalm-golden"
MANIFEST = "manifest.json"
KINDS = ("hand", "hard", "file", "own")
MOST_BYTES = 1 << 24  # of a manifest
MOST_CASES = 10_000
MOST_HANDS = 16  # of a case
JOINTS = 21
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
DIGEST = re.compile(r"[0-9a-f]{64}")

ABOUT = {
    "hands": "Every hand in the picture; none is known of a case of kind own.",
    "joints_2d": "21 × (x, y) in pixels of the upright picture, (0, 0) its upper left corner, in "
    "MediaPipe's order. A joint that is hidden or outside the picture is there too.",
    "joints_3d": "21 × (right, down, forward) in metres from the camera.",
    "box": "xmin, ymin, xmax, ymax in pixels of the hand without its arm, not clipped.",
    "handedness": "The hand's own side, in a picture that is not mirrored.",
    "origin": "Joints are the renderer's, not a model's. They were placed where MediaPipe's "
    "landmarks lie by convention, a few millimetres from anatomy, so an error against them is "
    "not wholly independent of MediaPipe.",
    "readable": "Whether the file can be read; where it cannot, width and height are 0.",
    "sha256": "Of the file's bytes.",
}


@dataclass(frozen=True)
class TrueHand:
    """`joints_2d` 21 × (x, y) pixels, (0, 0) the upper left corner; `joints_3d` 21 × metres from
    the camera: right, down, forward; `box` xmin, ymin, xmax, ymax in pixels, not clipped;
    `handedness` the hand's own side, `left` or `right`.
    """

    joints_2d: tuple[tuple[float, float], ...]
    joints_3d: tuple[tuple[float, float, float], ...]
    box: tuple[float, float, float, float]
    handedness: str


@dataclass(frozen=True)
class GoldenCase:
    """`kind`: `hand`, `hard`, `file`, or `own` (your own picture: its hands are unknown).
    `readable`: whether `read_image` can read the file; if not, `width` and `height` are 0.
    `parameters`: the arguments it was rendered with.
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

    def read(self, folder: Path) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB from a golden folder. Raises ArtifactError if the file differs from
        the manifest's, InvalidImage if it is not readable.
        """
        path = folder / self.file
        if file_sha256(path) != self.sha256:
            raise ArtifactError(f"{path}: differs from the manifest; make the set again")
        return read_image(path)


@dataclass(frozen=True)
class GoldenSet:
    """`sha256` hashes the manifest, and so covers both pictures and truth."""

    version: int
    folder: Path
    cases: tuple[GoldenCase, ...]

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        values = {
            "about": ABOUT,
            "cases": [asdict(case) for case in self.cases],
            "format": FORMAT,
            "version": self.version,
        }
        text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return (_rows(text) + "\n").encode()

    def image(self, case: GoldenCase) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; see `GoldenCase.read`."""
        return case.read(self.folder)


def _rows(text: str) -> str:
    """JSON text with each list of numbers on one line."""
    return re.sub(r"\[[-\d.eE,\s]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text)


def load_golden(folder: Path) -> GoldenSet:
    """Reads a golden folder's manifest. Raises ArtifactError if it is missing or wrong."""
    folder = Path(folder)
    path = folder / MANIFEST
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ArtifactError(f"{path}: is larger than {MOST_BYTES >> 20} MB, so not a manifest")
        values = json.loads(content)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"the format is not {FORMAT}")
        if not isinstance(values["cases"], list) or len(values["cases"]) > MOST_CASES:
            raise ValueError(f"cases is not a list of at most {MOST_CASES}")
        cases = tuple(_case(case) for case in values["cases"])
        for what in ("name", "file"):
            if len({getattr(case, what).casefold() for case in cases}) != len(cases):
                raise ValueError(f"two cases have the same {what}")
        return GoldenSet(_whole(values["version"], 1, 10**6), folder, cases)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder}: is not a golden set ({MANIFEST} is missing)") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ArtifactError(f"{path}: is not the manifest of a golden set ({reason})") from error


def file_sha256(path: Path) -> str | None:
    """The hash; None if the file does not exist or is a link."""
    digest = hashlib.sha256()
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def _case(values: dict[str, Any]) -> GoldenCase:
    if not isinstance(values["parameters"], dict):
        raise ValueError("parameters is not an object")
    if not isinstance(values["readable"], bool):
        raise ValueError("readable is not true or false")
    readable, low = values["readable"], int(values["readable"])
    width, height = (_whole(values[side], low, MAX_PIXELS * low) for side in ("width", "height"))
    if width * height > MAX_PIXELS:
        raise ValueError(f"a picture of {width}×{height} pixels is too large")
    hands = values["hands"]
    if not isinstance(hands, list) or len(hands) > MOST_HANDS:
        raise ValueError(f"hands is not a list of at most {MOST_HANDS}")
    return GoldenCase(
        name=_text(values["name"], NAME),
        kind=_text(values["kind"], re.compile("|".join(KINDS))),
        file=_text(values["file"], NAME),
        sha256=_text(values["sha256"], DIGEST),
        readable=readable,
        width=width,
        height=height,
        seed=_whole(values["seed"], 0, 2**63 - 1),
        parameters=values["parameters"],
        hands=tuple(_hand(hand) for hand in hands),
    )


def _hand(values: dict[str, Any]) -> TrueHand:
    joints_2d = _points(values["joints_2d"], JOINTS, 2)
    joints_3d = _points(values["joints_3d"], JOINTS, 3)
    left, top, right, bottom = _points([values["box"]], 1, 4)[0]
    if not (left <= right and top <= bottom):
        raise ValueError("a box whose sides are swapped")
    return TrueHand(
        tuple((x, y) for x, y in joints_2d),
        tuple((x, y, z) for x, y, z in joints_3d),
        (left, top, right, bottom),
        _text(values["handedness"], re.compile("left|right")),
    )


def _points(rows: Any, count: int, size: int) -> list[list[float]]:
    if not isinstance(rows, list) or len(rows) != count:
        raise ValueError(f"expected {count} × {size} numbers")
    for row in rows:
        if not isinstance(row, list) or len(row) != size:
            raise ValueError(f"expected {count} × {size} numbers")
        for value in row:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{_shown(value)} is not a number")
            if not -1e7 < value < 1e7:
                raise ValueError(f"{_shown(value)} is not a coordinate")
    return [[float(value) for value in row] for row in rows]


def _whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{_shown(value)} is not an integer from {low} to {high}")
    return value


def _text(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"unexpected value {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:60]
