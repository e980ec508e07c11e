"""What one run finds in a golden folder's pictures becomes `recorded.json` beside them: what
later runs are expected to find, in own pictures above all, of which no truth is known
(`schemas/recording.schema.json`; compared in `check.py`).

Numbers are kept as they are, float32, written as the decimal number that is exactly theirs. A
recording may be hostile: it is bounded and held against its schema before it is used.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidModel
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.golden.own import RECORDING
from blazepalm.models.hand_pipeline import Hand, HandPipeline, Image
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.hands.open_models import OpenModel, hand_models
from blazepalm.reports.recording.agreement import Floats
from blazepalm.reports.stored.read import read_json, validate

FORMAT, FORMAT_VERSION = "blazepalm-recording", 1
SCHEMA = "recording"
MAX_BYTES = 64 << 20  # of a recording

Find = Callable[[str, Image], "tuple[KeptHand, ...]"]  # name, (H, W, 3) uint8 RGB
OnCase = Callable[[str, int, int], None]  # name, done, of how many


@dataclass(frozen=True)
class KeptHand:
    """What is kept of `hand_pipeline.Hand`, which says what each is; NumPy float32."""

    box: Floats
    keypoints: Floats
    score: Floats
    landmarks: Floats
    presence: Floats
    handedness: Floats | None
    world_landmarks: Floats | None


@dataclass(frozen=True)
class KeptCase:
    """`pixels`: of the picture, as the function of that name; `hands`: best palm first."""

    name: str
    pixels: str
    hands: tuple[KeptHand, ...]


@dataclass(frozen=True)
class ModelName:
    """`sha256` of the `.tflite` file; `name` the release's, else the file's."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Models:
    """Who found what is recorded."""

    detector: ModelName
    landmarks: ModelName
    backend: str

    def __str__(self) -> str:
        return f"{self.detector.name} and {self.landmarks.name}, by {self.backend}"


@dataclass(frozen=True)
class Recording:
    """One run: its models, and the cases it has seen, in the manifest's order."""

    models: Models
    cases: tuple[KeptCase, ...]

    def to_bytes(self) -> bytes:
        """The file, a line a case. Raises ArtifactError where it could not be read back."""
        cases = msgspec.json.decode(msgspec.json.encode(self.cases, enc_hook=_lists))
        values = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(self.models)}
        validate({**values, "cases": cases}, SCHEMA, RECORDING)
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
        values = read_json(path, MAX_BYTES)
        validate(values, SCHEMA, str(path))
        cases = msgspec.convert(values["cases"], tuple[KeptCase, ...], dec_hook=_array)
        if len({case.name for case in cases}) != len(cases):
            raise ArtifactError(f"{path}: two cases have the same name")
    except ArtifactError as error:
        raise ArtifactError(f"{error}; delete it and record again") from error
    return Recording(msgspec.convert(values, Models), cases)


def finder(palm: OpenModel, hand: OpenModel) -> Find:
    """Finds every hand of a picture. What it gives raises InvalidModel where a number is not
    finite.
    """
    pipeline = HandPipeline(hand_models(palm, hand), max_hands=None)
    return lambda name, image: tuple(_kept(found, name) for found in pipeline(image))


def pixels(image: Image) -> str:
    """SHA-256 of a picture's shape and pixels, whatever file it comes from."""
    return Case("", "", image).sha256


def models_of(palm: OpenModel, hand: OpenModel) -> Models:
    """What a recording says of two open models."""
    return Models(
        ModelName(palm.name, palm.sha256), ModelName(hand.name, hand.sha256), palm.backend
    )


def choose(golden: GoldenSet, names: Sequence[str] | None) -> list[GoldenCase]:
    """The readable cases, or those named. Raises ArtifactError for a name that is none of them,
    and CouldNotVerify where there are none at all.
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
    """What the folder is to keep, and the names of the cases that were looked at for it: all, or
    those named, that were not recorded before; with `force` those too.

    Raises ArtifactError where a name is none of a readable picture, the recording there is
    damaged, or is another run's and would not be replaced as a whole (`force`, without names).
    """
    models = models_of(palm, hand)
    chosen, known = choose(golden, names), load_recording(golden.folder)
    if known is not None and known.models != models and (names or not force):
        raise ArtifactError(
            f"{golden.folder / RECORDING}: was recorded with {known.models}; use those models, "
            "or replace the recording: --force without --only"
        )
    kept = {} if known is None else {case.name: case for case in known.cases}
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
    """An array as JSON has it; a float64 holds every float32 exactly."""
    return array.tolist()


def _array(kind: type, values: Any) -> Any:
    return np.array(values, np.float32)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
