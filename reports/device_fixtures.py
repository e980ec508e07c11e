"""What a device was given: the fixtures' manifest, against which its results are held.

`blazepalm golden export-ios` writes the folder; `ios_harness/FIXTURES.md` describes it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blazepalm.models.errors import ArtifactError
from blazepalm.reports.printable import printable
from blazepalm.reports.schema import read_json

FORMAT = "blazepalm-ios-fixtures/1"
MANIFEST = "manifest.json"
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Fixtures:
    """What the device should have been given: SHA-256 of the manifest and of each model's
    package, and the shapes of its outputs.
    """

    manifest_sha256: str
    models: Mapping[str, str]
    outputs: Mapping[str, Mapping[str, tuple[int, ...]]]


def read_fixtures(folder: Path) -> Fixtures:
    """What the manifest of a fixtures folder says. Raises ArtifactError."""
    path = folder / MANIFEST
    values = read_json(path, MOST_BYTES)
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise ArtifactError(f"{path}: is no manifest of {FORMAT}; export the fixtures again")
    try:
        return Fixtures(
            manifest_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            models={str(model["name"]): str(model["sha256"]) for model in values["models"]},
            outputs={
                str(model["name"]): {
                    str(port["name"]): tuple(int(size) for size in port["shape"])
                    for port in model["outputs"]
                }
                for model in values["models"]
            },
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{path}: is damaged; export the fixtures again") from error


def check_hashes(path: Path, values: Mapping[str, Any], fixtures: Fixtures) -> None:
    """Raises ArtifactError where results were made with other fixtures or models."""
    found = values["fixtures"]["manifest_sha256"]
    if found != fixtures.manifest_sha256:
        raise ArtifactError(
            f"{path}: was made with other fixtures (manifest {found[:12]}…, here "
            f"{fixtures.manifest_sha256[:12]}…); run the harness again with these"
        )
    for model in values["models"]:
        name, wanted = printable(model["name"]), fixtures.models.get(model["name"])
        if wanted is None:
            raise ArtifactError(f"{path}: model {name} is not in the fixtures")
        if model["sha256"] != wanted:
            raise ArtifactError(
                f"{path}: model {name} has SHA-256 {model['sha256'][:12]}…, in the fixtures "
                f"{wanted[:12]}…; run the harness again with these"
            )
