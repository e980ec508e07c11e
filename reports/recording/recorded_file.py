"""`recorded.json`: the hands that one run found in a golden folder's pictures.

Numbers stay float32, each written as its exact decimal value. A recording may be hostile: its
size and types are checked before use (`blazepalm report schema recording`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct, to_builtins
from msgspec.structs import asdict

from blazepalm.converter.tensor_map import Sha256
from blazepalm.errors import ArtifactError
from blazepalm.golden.own import RECORDING
from blazepalm.limits import JSON_BYTES
from blazepalm.models.release_registry import Release
from blazepalm.models.releases import by_network, by_sha256
from blazepalm.reports.recording.agreement import Floats
from blazepalm.reports.stored.read import read_json, typed

FORMAT, FORMAT_VERSION = "blazepalm-recording", 1

Coordinate = Annotated[float, Meta(ge=-1e6, le=1e6)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Points = Annotated[
    tuple[tuple[Coordinate, Coordinate, Coordinate], ...], Meta(min_length=21, max_length=21)
]


class ModelName(Struct, frozen=True, forbid_unknown_fields=True):
    """`sha256`: of the `.tflite` file; `network_sha256`: of its network, however the file is
    written, None if unknown; `name`: the release's, else the file's.
    """

    name: Annotated[str, Meta(pattern="^.{1,255}$")]
    sha256: Sha256
    network_sha256: Sha256 | None = None

    @property
    def release(self) -> Release | None:
        """The release with that file or network."""
        network = self.network_sha256
        return by_sha256(self.sha256) or (by_network(network) if network else None)

    def is_same(self, other: "ModelName") -> bool:
        """Whether both are one network, perhaps in two files."""
        if self.sha256 == other.sha256:
            return True
        here, there = (
            model.network_sha256 or (model.release and model.release.network_sha256)
            for model in (self, other)
        )
        return here is not None and here == there


class RecordedHand(Struct, forbid_unknown_fields=True):
    """A hand. Points are normalised to the picture: x from 0 (left) to 1 (right), y from 0 (top)
    to 1 (bottom), not clipped. `box`: xmin, ymin, xmax, ymax of the palm; `world_landmarks`: in
    metres about the hand's centre; None where the release does not give it.
    """

    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    keypoints: Annotated[
        tuple[tuple[Coordinate, Coordinate], ...], Meta(min_length=1, max_length=64)
    ]
    score: Probability
    landmarks: Points
    presence: Probability
    handedness: Probability | None
    world_landmarks: Points | None


class RecordedCase(Struct, forbid_unknown_fields=True):
    """One picture: the hash of its shape and pixels, and every hand in it, best palm first."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    pixels: Sha256
    hands: Annotated[tuple[RecordedHand, ...], Meta(max_length=256)]


class RecordedFile(Struct, forbid_unknown_fields=True):
    """What one run found in the pictures of a golden folder, in the manifest's order."""

    format: Literal["blazepalm-recording"]
    version: Literal[1]
    backend: Literal["torch", "tflite"]
    detector: ModelName
    landmarks: ModelName
    cases: Annotated[tuple[RecordedCase, ...], Meta(max_length=10_000)]


@dataclass(frozen=True)
class KeptHand:
    """The recorded fields of `hand_pipeline.Hand` (see there), as NumPy float32."""

    box: Floats
    keypoints: Floats
    score: Floats
    landmarks: Floats
    presence: Floats
    handedness: Floats | None
    world_landmarks: Floats | None


@dataclass(frozen=True)
class KeptCase:
    """`pixels`: the picture's hash from the function `pixels`; `hands`: best palm first."""

    name: str
    pixels: str
    hands: tuple[KeptHand, ...]


@dataclass(frozen=True)
class Models:
    """The models and backend that found the recorded hands."""

    detector: ModelName
    landmarks: ModelName
    backend: str

    def are_same(self, other: "Models") -> bool:
        """Whether the backend and both networks are the same."""
        return (
            self.backend == other.backend
            and self.detector.is_same(other.detector)
            and self.landmarks.is_same(other.landmarks)
        )

    def __str__(self) -> str:
        return f"{self.detector.name} and {self.landmarks.name}, by {self.backend}"


@dataclass(frozen=True)
class Recording:
    """One run: its models, and its cases in the manifest's order."""

    models: Models
    cases: tuple[KeptCase, ...]

    def to_bytes(self) -> bytes:
        """The file's bytes, one line per case. Raises ArtifactError if they could not be read."""
        cases = to_builtins(self.cases, enc_hook=_lists)
        values = {"format": FORMAT, "version": FORMAT_VERSION, **to_builtins(self.models)}
        typed({**values, "cases": cases}, RecordedFile, "recording", RECORDING)
        lines = {name: _json(value) for name, value in values.items()}
        lines["cases"] = "[" + ",".join(f"\n  {_json(case)}" for case in cases) + "\n ]"
        text = ",\n".join(f" {_json(name)}: {lines[name]}" for name in sorted(lines))
        # a model's name may hold half a surrogate pair, which UTF-8 cannot encode
        content = f"{{\n{text}\n}}\n".encode("utf-8", "backslashreplace")
        if len(content) > JSON_BYTES:
            raise ArtifactError(
                f"{RECORDING}: would be larger than {JSON_BYTES >> 20} MB; record fewer pictures"
            )
        return content


def load_recording(folder: Path) -> Recording | None:
    """The recording of a golden folder, None where there is none. Raises ArtifactError."""
    path = folder / RECORDING
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if path.is_symlink():
            raise ArtifactError(f"{path}: is a link; a recording must be a regular file")
        file = typed(read_json(path), RecordedFile, "recording", str(path))
        if len({case.name for case in file.cases}) != len(file.cases):
            raise ArtifactError(f"{path}: two cases have the same name")
    except ArtifactError as error:
        raise ArtifactError(f"{error}; delete it and record again") from error
    cases = (KeptCase(c.name, c.pixels, tuple(map(_hand, c.hands))) for c in file.cases)
    return Recording(Models(file.detector, file.landmarks, file.backend), tuple(cases))


def _lists(array: Any) -> Any:
    """An array as JSON lists; a float64 holds every float32 exactly."""
    return array.tolist()


def _hand(hand: RecordedHand) -> KeptHand:
    values: dict[str, Any] = {
        name: None if value is None else np.array(value, np.float32)
        for name, value in asdict(hand).items()
    }
    return KeptHand(**values)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
