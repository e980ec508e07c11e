"""A Core ML specification and its weights → the folder `<Name>.mlpackage`, always the same bytes.

The layout is coremltools' own: `Manifest.json`, `Data/com.apple.CoreML/model.mlmodel`,
`Data/com.apple.CoreML/weights/weight.bin`. coremltools makes random item identifiers; here each is
a UUID version 5 of the item's content, which names no version of a tool.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path

from blazepalm.atomic import atomic_folder

AUTHOR = "com.apple.CoreML"
MODEL, WEIGHTS, MANIFEST = "model.mlmodel", "weights/weight.bin", "Manifest.json"
PACKAGE_FILES = (MANIFEST, f"Data/{AUTHOR}/{MODEL}", f"Data/{AUTHOR}/{WEIGHTS}")
NAMESPACE = uuid.UUID("6f0d9a52-9b38-5a3c-8d6e-1c2f0f6c7b51")  # arbitrary, for these packages


def write_package(package: Path, specification: bytes, weights: bytes | None) -> dict[str, str]:
    """Writes `package`, whole or not at all; `weights` is the content of `weight.bin`. Returns the
    SHA-256 of each file by its path inside. Raises ArtifactError if the package already exists or
    cannot be written.
    """
    contents = {MODEL: specification}
    if weights is not None:
        contents[WEIGHTS] = weights
    files = {f"Data/{AUTHOR}/{name}": data for name, data in contents.items()}
    files[MANIFEST] = _manifest(specification, weights)
    write_files(package, files)
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def write_files(package: Path, files: Mapping[str, bytes]) -> None:
    """Writes `package` of these files, each by its path inside, whole or not at all. Raises
    ArtifactError as `write_package` does.
    """
    with atomic_folder(package) as root:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)


def _manifest(specification: bytes, weights: bytes | None) -> bytes:
    items = [(MODEL, "CoreML Model Specification", specification)]
    if weights is not None:
        items.append(("weights", "CoreML Model Weights", weights))
    entries = {
        str(uuid.uuid5(NAMESPACE, name + hashlib.sha256(data).hexdigest())): {
            "author": AUTHOR,
            "description": description,
            "name": name,
            "path": f"{AUTHOR}/{name}",
        }
        for name, description, data in items
    }
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": next(iter(entries)),
    }
    return (json.dumps(manifest, sort_keys=True, indent=4) + "\n").encode()
