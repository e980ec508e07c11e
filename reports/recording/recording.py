"""Records what one run finds in a golden folder's pictures as `recorded.json` beside them, for
later runs to reproduce: mainly in your own pictures, which have no known truth
(`schemas/recording.schema.json`; compared in `check.py`).

Numbers stay float32, each written as its exact decimal value. A recording may be hostile: its
size and schema are checked before use.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct, to_builtins
from msgspec.structs import asdict

from blazepalm.converter.tensor_map import Sha256
from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidModel
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.golden.own import RECORDING
from blazepalm.models.hand_pipeline import Hand, HandPipeline, Image
from blazepalm.models.releases import Release, by_network, by_sha256
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.hands.open_model import OpenModel
from blazepalm.reports.hands.open_models import hand_models
from blazepalm.reports.recording.agreement import Floats
from blazepalm.reports.stored.read import RECORDING as SCHEMA
from blazepalm.reports.stored.read import read_json, typed

FORMAT, FORMAT_VERSION = "blazepalm-recording", 1
MAX_BYTES = 64 << 20  # of a recording

Find = Callable[[str, Image], "tuple[KeptHand, ...]"]  # name, (H, W, 3) uint8 RGB
OnCase = Callable[[str, int, int], None]  # name, done, of how many


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
        typed({**values, "cases": cases}, _File, SCHEMA, RECORDING)
        lines = {name: _json(value) for name, value in values.items()}
        lines["cases"] = "[" + ",".join(f"\n  {_json(case)}" for case in cases) + "\n ]"
        text = ",\n".join(f" {_json(name)}: {lines[name]}" for name in sorted(lines))
        content = f"{{\n{text}\n}}\n".encode()
        if len(content) > MAX_BYTES:
            raise ArtifactError(
                f"{RECORDING}: would be larger than {MAX_BYTES >> 20} MB; record fewer pictures"
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
        file = typed(read_json(path, MAX_BYTES), _File, SCHEMA, str(path))
        if len({case.name for case in file.cases}) != len(file.cases):
            raise ArtifactError(f"{path}: two cases have the same name")
    except ArtifactError as error:
        raise ArtifactError(f"{error}; delete it and record again") from error
    cases = (KeptCase(c.name, c.pixels, tuple(map(_hand, c.hands))) for c in file.cases)
    return Recording(Models(file.detector, file.landmarks, file.backend), tuple(cases))


def finder(palm: OpenModel, hand: OpenModel) -> Find:
    """Returns a function that finds every hand of a picture, and raises InvalidModel if a number
    is not finite.
    """
    pipeline = HandPipeline(hand_models(palm, hand), max_hands=None)
    return lambda name, image: tuple(_kept(found, name) for found in pipeline(image))


def pixels(image: Image) -> str:
    """SHA-256 of a picture's shape and pixels, independent of its file."""
    return Case("", "", image).sha256


def models_of(palm: OpenModel, hand: OpenModel) -> Models:
    """The entry of two open models in a recording."""
    detector, landmarks = (
        ModelName(model.name, model.sha256, model.network_sha256) for model in (palm, hand)
    )
    return Models(detector, landmarks, palm.backend)


def choose(golden: GoldenSet, names: Sequence[str] | None) -> list[GoldenCase]:
    """The readable cases, or those named. Raises ArtifactError for a name that is not one of them,
    and CouldNotVerify if there are none at all.
    """
    readable = {case.name: case for case in golden.cases if case.readable}
    for name in names or ():
        if name not in readable:
            raise ArtifactError(f"{golden.folder}: has no readable case {name!r}")
    if not readable:
        raise CouldNotVerify(f"{golden.folder}: has no readable picture")
    return [case for case in readable.values() if not names or case.name in names]


def record(
    golden: GoldenSet,
    palm: OpenModel,
    hand: OpenModel,
    *,
    names: Sequence[str] | None = None,
    force: bool = False,
    on_case: OnCase = lambda name, done, total: None,
) -> tuple[Recording, tuple[str, ...]]:
    """Returns the folder's new recording, and the names of the cases that were run for it: those
    (of `names`, else all) that were not recorded before, with `force` also those that were.

    Raises ArtifactError if a name has no readable picture, the existing recording is damaged,
    or it is from other models and not replaced as a whole (`force` without `names` does that).
    """
    models = models_of(palm, hand)
    chosen, known = choose(golden, names), load_recording(golden.folder)
    whole = force and not names
    if known is not None and not whole and not known.models.are_same(models):
        raise ArtifactError(
            f"{golden.folder / RECORDING}: was recorded with {known.models}; use those models, "
            "or replace the recording: --force without --only"
        )
    kept = {} if known is None else {case.name: case for case in known.cases}
    if known is not None and not whole:
        models = known.models  # the same networks, perhaps in other files
    if force:
        kept = {name: case for name, case in kept.items() if names and name not in names}
    needed = [case for case in chosen if case.name not in kept]
    find = finder(palm, hand)
    for done, case in enumerate(needed, start=1):
        image = golden.image(case)
        kept[case.name] = KeptCase(case.name, pixels(image), find(case.name, image))
        on_case(case.name, done, len(needed))
    order = {case.name: number for number, case in enumerate(golden.cases)}
    cases = sorted(kept.values(), key=lambda case: (order.get(case.name, len(order)), case.name))
    return Recording(models, tuple(cases)), tuple(case.name for case in needed)


def _kept(hand: Hand, name: str) -> KeptHand:
    values = {field.name: getattr(hand, field.name) for field in fields(KeptHand)}
    for part, value in values.items():
        if value is not None:
            values[part] = np.asarray(value, np.float32)
            if not np.isfinite(values[part]).all():
                raise InvalidModel(
                    f"{name}: the model gave {part} that are not finite: its weights are damaged"
                )
    return KeptHand(**values)


def _lists(array: Any) -> Any:
    """An array as JSON lists; a float64 holds every float32 exactly."""
    return array.tolist()


def _hand(hand: "_Hand") -> KeptHand:
    values: dict[str, Any] = {
        name: None if value is None else np.array(value, np.float32)
        for name, value in asdict(hand).items()
    }
    return KeptHand(**values)


Coordinate = Annotated[float, Meta(ge=-1e6, le=1e6)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Points = Annotated[
    tuple[tuple[Coordinate, Coordinate, Coordinate], ...], Meta(min_length=21, max_length=21)
]


class _Hand(Struct, forbid_unknown_fields=True):
    """A `KeptHand` in the file."""

    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]
    keypoints: Annotated[
        tuple[tuple[Coordinate, Coordinate], ...], Meta(min_length=1, max_length=64)
    ]
    score: Probability
    landmarks: Points
    presence: Probability
    handedness: Probability | None
    world_landmarks: Points | None


class _Case(Struct, forbid_unknown_fields=True):
    """A `KeptCase` in the file."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    pixels: Sha256
    hands: Annotated[tuple[_Hand, ...], Meta(max_length=256)]


class _File(Struct, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal["blazepalm-recording"]
    version: Literal[1]
    backend: Literal["torch", "tflite"]
    detector: ModelName
    landmarks: ModelName
    cases: Annotated[tuple[_Case, ...], Meta(max_length=10_000)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
