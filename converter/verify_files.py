"""Each file of a converted folder against the SHA-256 that `conversion.json` records."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blazepalm.converter.artifacts import FILES, RECORD
from blazepalm.converter.loading import sha256_of
from blazepalm.converter.verify_programs import CORE_AI, DIFFERS, HOLDS, Finding
from blazepalm.errors import ArtifactError


def check_files(folder: Path, record: Mapping[str, Any]) -> Iterator[Finding]:
    """One finding for each recorded file. Raises ArtifactError for a damaged record."""
    recorded = {name: digest for name, digest in record["artifacts"].items() if name in FILES}
    for part, what in (("coreml", "package"), ("coreai", CORE_AI)):
        package = record.get(part)
        if not isinstance(package, dict):
            continue
        try:
            files = {f"{package['name']}/{k}": str(v) for k, v in package["files"].items()}
        except (KeyError, AttributeError) as error:
            raise ArtifactError(f"{folder / RECORD}: does not list the {what}'s files") from error
        if any(".." in Path(name).parts or Path(name).is_absolute() for name in files):
            raise ArtifactError(f"{folder / RECORD}: names files outside its folder")
        recorded.update(files)
    if isinstance(program := record.get("executorch"), dict):
        name = str(program.get("name"))
        if Path(name).name != name:
            raise ArtifactError(f"{folder / RECORD}: names files outside its folder")
        recorded[name] = str(program.get("sha256"))
    for name, wanted in recorded.items():
        found = sha256_of(folder / name)
        if found is None:
            yield Finding(name, DIFFERS, "is missing")
        elif found != wanted:
            yield Finding(name, DIFFERS, f"SHA-256 {found[:16]}…, recorded {wanted[:16]}…")
        else:
            yield Finding(name, HOLDS, "SHA-256 as recorded")
