"""LiteRT's results for the inputs given to a device, read from the fixtures folder
(`ios_harness/FIXTURES.md`): one `Expected` for each input of each model.

Every file is checked against the manifest before its numbers are used. Fixtures without a
`reference` (made-up models) are judged by the recorded outputs.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import ArtifactError
from blazepalm.reports.fixtures.manifest import MANIFEST, read_fixtures
from blazepalm.reports.stored.read import read_json
from blazepalm.text import printable

Floats = NDArray[np.float32]
MAX_VALUES = 1 << 26  # per tensor


@dataclass(frozen=True)
class Facts:
    """What later stages need to know of a model; `palm` or `hand` as in the manifest, else None."""

    name: str
    width: int
    height: int
    outputs: Mapping[str, tuple[int, ...]]
    palm: Mapping[str, Any] | None
    hand: Mapping[str, Any] | None


@dataclass(frozen=True)
class ExpectedHands:
    """The hands of one picture of `size` (width, height): landmarks (h, 21, 3) normalised to it,
    presence (h,).
    """

    size: tuple[int, int]
    landmarks: Floats
    presence: Floats


@dataclass(frozen=True)
class Expected:
    """`outputs`: by model and record, by output. `images`: the picture of each record.
    `hands`: by case; `hand_model` finds them.
    """

    models: Mapping[str, Facts]
    outputs: Mapping[str, Mapping[str, Mapping[str, Floats]]]
    images: Mapping[tuple[str, str], str]
    hands: Mapping[str, ExpectedHands]
    hand_model: str | None


def read_expected(folder: Path) -> Expected:
    """Reads a fixtures folder. Raises ArtifactError if it is damaged."""
    read_fixtures(folder)
    values = read_json(folder / MANIFEST)
    try:
        files = _Files(folder, {str(k): str(v) for k, v in values["files"].items()})
        models = {model["name"]: _facts(model) for model in values["models"]}
        outputs: dict[str, dict[str, Mapping[str, Floats]]] = {name: {} for name in models}
        images = {}
        for record in values["records"]:
            tensors = record.get("reference", record["outputs"])
            outputs[record["model"]][record["name"]] = {
                name: files.tensor(tensor) for name, tensor in tensors.items()
            }
            images[record["model"], record["name"]] = str(record["image"])
        pair = values["pipeline"]
        hands = {} if pair is None else dict(_hands(values["cases"], files))
        return Expected(models, outputs, images, hands, None if pair is None else pair["hand"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"{folder / MANIFEST}: is damaged; export the fixtures again"
        ) from error


def _hands(cases: Any, files: "_Files") -> Any:
    for case in cases:
        if case["landmarks"] is not None and case["presence"] is not None:
            size = int(case["image"]["width"]), int(case["image"]["height"])
            landmarks, presence = files.tensor(case["landmarks"]), files.tensor(case["presence"])
            yield str(case["name"]), ExpectedHands(size, landmarks, presence)


def _facts(model: Any) -> Facts:
    return Facts(
        name=str(model["name"]),
        width=int(model["width"]),
        height=int(model["height"]),
        outputs={
            str(port["name"]): tuple(int(n) for n in port["shape"]) for port in model["outputs"]
        },
        palm=model["palm"],
        hand=model["hand"],
    )


@dataclass(frozen=True)
class _Files:
    """The folder's files, as listed in the manifest."""

    folder: Path
    digests: Mapping[str, str]

    def tensor(self, entry: Any) -> Floats:
        name, shape = str(entry["file"]), tuple(int(n) for n in entry["shape"])
        wanted, count = self.digests[name], math.prod(shape)
        if name.startswith("/") or ".." in name.split("/") or min(shape, default=0) < 0:
            raise ValueError(name)
        if count > MAX_VALUES:
            raise ValueError(name)
        path = self.folder / name
        try:
            with path.open("rb") as file:
                content = file.read(4 * count + 1)
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
        if len(content) != 4 * count or hashlib.sha256(content).hexdigest() != wanted:
            raise ArtifactError(
                f"{printable(str(path))}: does not match the manifest; export the fixtures again"
            )
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(shape)
