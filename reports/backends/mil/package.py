"""Finds the model and weight files of a `.mlpackage` folder or a bare `.mlmodel` file.

A package is `Manifest.json` (items by identifier, each with a path below `Data/`) and the files
that it lists; `rootModelIdentifier` names the model. In the model, `@model_path` stands for the
folder of the model file. Manifest and paths are not trusted: whatever leads out of the package, by
`..` or by a symbolic link, is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from blazepalm.errors import InvalidModel

MANIFEST_BYTES = 1 << 20
MODEL_PATH = "@model_path"
SUFFIXES = (".mlpackage", ".mlmodel", ".mlmodelc")


@dataclass(frozen=True)
class Package:
    """`model` is the `.mlmodel` file; no weight file may lie outside the folder `root`."""

    path: Path
    model: Path
    root: Path

    def weight_file(self, name: str) -> Path:
        """The file that a blob value names, such as `@model_path/weights/weight.bin`. Raises
        InvalidModel if it is missing or lies outside the package.
        """
        folder, _, relative = name.partition("/")
        if folder != MODEL_PATH or not relative:
            raise InvalidModel(
                f"{self.path}: weights in {name!r}; expected a path below {MODEL_PATH}/"
            )
        return _inside(self.path, self.root, self.model.parent, relative, "weight file")


def is_package(path: Path) -> bool:
    """Whether the path is a Core ML model, by its name or by what the folder holds."""
    return path.suffix.lower() in SUFFIXES or (path / "Manifest.json").is_file()


def open_package(path: str | Path) -> Package:
    """Finds the model file; reads only the manifest. Raises InvalidModel if there is no package, or
    its manifest names no existing file.
    """
    path = Path(path)
    if path.suffix == ".mlmodelc":
        raise InvalidModel(
            f"{path}: a compiled model (.mlmodelc) holds no specification; "
            "use the .mlpackage it was compiled from"
        )
    if path.is_file():
        return Package(path, path, path.parent)
    if not path.is_dir():
        raise InvalidModel(f"{path}: no such package or model file")
    data = path / "Data"
    model = _inside(path, data, data, _root_item(path), "model file")
    return Package(path, model, data)


def _root_item(path: Path) -> str:
    """The path, below `Data/`, of the manifest's root model."""
    manifest = path / "Manifest.json"
    try:
        if manifest.stat().st_size > MANIFEST_BYTES:
            raise InvalidModel(f"{manifest}: too large for a manifest")
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidModel(
            f"{path}: not a Core ML package: Manifest.json cannot be read ({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidModel(f"{manifest}: not JSON ({error})") from error
    try:
        item = content["itemInfoEntries"][content["rootModelIdentifier"]]["path"]
    except (LookupError, TypeError) as error:
        raise InvalidModel(f"{manifest}: names no root model") from error
    if not isinstance(item, str):
        raise InvalidModel(f"{manifest}: the root model's path is not text")
    return item


def _inside(package: Path, root: Path, folder: Path, relative: str, what: str) -> Path:
    """The file `relative` to `folder`, which must exist and, with links followed, lie
    below `root`.
    """
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or "\\" in relative or "\0" in relative:
        raise InvalidModel(f"{package}: the {what} {relative!r} leads out of the package")
    try:
        found = (folder / pure).resolve()
        if not found.is_relative_to(root.resolve()):
            raise InvalidModel(f"{package}: the {what} {relative!r} leads out of the package")
        if not found.is_file():
            raise InvalidModel(f"{package}: the {what} {relative!r} is missing")
    except OSError as error:
        raise InvalidModel(f"{package}: the {what} {relative!r}: {error.strerror}") from error
    except RuntimeError as error:  # a loop of links, before Python 3.13
        raise InvalidModel(f"{package}: the {what} {relative!r} is a loop of links") from error
    return found
