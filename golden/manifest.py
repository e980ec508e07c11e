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
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from blazepalm.errors import ArtifactError, first_line
from blazepalm.file_names import folded
from blazepalm.limits import JSON_BYTES
from blazepalm.media.images import MAX_PIXELS, read_image

FORMAT = "blazepalm-golden"
MANIFEST = "manifest.json"
MAX_CASES = 10_000
MAX_HANDS = 16  # of a case
JOINTS = 21

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Coordinate = Annotated[float, Meta(gt=-1e7, lt=1e7)]
Size = Annotated[int, Meta(ge=0)]
AllJoints = Meta(min_length=JOINTS, max_length=JOINTS)

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

    joints_2d: Annotated[tuple[tuple[Coordinate, Coordinate], ...], AllJoints]
    joints_3d: Annotated[tuple[tuple[Coordinate, Coordinate, Coordinate], ...], AllJoints]
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    handedness: Annotated[str, Meta(pattern=r"^(left|right)\Z")]


@dataclass(frozen=True)
class GoldenCase:
    """`kind`: `hand`, `stress`, `hard`, `file`, or `own` (your own picture: its hands are unknown).
    `readable`: whether `read_image` can read the file; if not, `width` and `height` are 0.
    `parameters`: the arguments it was rendered with.
    """

    name: Name
    kind: Annotated[str, Meta(pattern=r"^(hand|stress|hard|file|own)\Z")]
    file: Name
    sha256: Digest
    readable: bool
    width: Size
    height: Size
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    parameters: dict[str, Any] = field(default_factory=dict)
    hands: Annotated[tuple[TrueHand, ...], Meta(max_length=MAX_HANDS)] = ()

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


@dataclass(frozen=True)
class _Manifest:
    format: Literal["blazepalm-golden"]
    version: Annotated[int, Meta(ge=1, le=10**6)]
    cases: Annotated[tuple[GoldenCase, ...], Meta(max_length=MAX_CASES)]


def _rows(text: str) -> str:
    """JSON text with each list of numbers on one line."""
    return re.sub(r"\[[-\d.eE,\s]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text)


def load_golden(folder: Path) -> GoldenSet:
    """Reads a golden folder's manifest. Raises ArtifactError if it is missing or wrong."""
    folder = Path(folder)
    path = folder / MANIFEST
    try:
        with path.open("rb") as stream:
            content = stream.read(JSON_BYTES + 1)
        if len(content) > JSON_BYTES:
            raise ArtifactError(f"{path}: is larger than {JSON_BYTES >> 20} MB, so not a manifest")
        found = msgspec.json.decode(content, type=_Manifest)
        for case in found.cases:
            _check(case)
        for what in ("name", "file"):
            if len({folded(getattr(case, what)) for case in found.cases}) != len(found.cases):
                raise ValueError(f"two cases have the same {what}")
        return GoldenSet(found.version, folder, found.cases)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder}: is not a golden set ({MANIFEST} is missing)") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: is not the manifest of a golden set ({first_line(error)})"
        ) from error


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


def _check(case: GoldenCase) -> None:
    low = int(case.readable)
    if min(case.width, case.height) < low or max(case.width, case.height) > MAX_PIXELS * low:
        found = "readable" if case.readable else "not readable"
        raise ValueError(f"{case.name} is {found}, and has {case.width}×{case.height} pixels")
    if case.width * case.height > MAX_PIXELS:
        raise ValueError(f"{case.name} has {case.width}×{case.height} pixels, which is too large")
    for hand in case.hands:
        left, top, right, bottom = hand.box
        if not (left <= right and top <= bottom):
            raise ValueError(f"{case.name} has a box whose sides are swapped")
