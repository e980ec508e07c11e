"""Keeps ExecuTorch programs in the user's cache folder, because lowering one takes ten seconds.

A program is found by everything that decides its bytes: the weights, the structure, the versions of
ExecuTorch and torch, and our own code. Its file name holds the SHA-256 of its content, which is
compared on reading, for ExecuTorch runs a program with a changed weight without a word. The oldest
are deleted beyond MAX_BYTES. Without a writable folder nothing is kept.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.atomic import atomic_file
from blazepalm.converter.pte import Shapes, input_shapes, lower, need_executorch, pte_module
from blazepalm.errors import ArtifactError
from blazepalm.models.release_registry import cache_folder
from blazepalm.models.spec_json import spec_to_dict

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.converted import Converted

MAX_BYTES = 256 << 20  # some fifty programs
DECIDING = ("executorch", "torch")
PACKAGE = Path(__file__).parent.parent


def programs_folder() -> Path:
    """Where programs are kept, beside the folder of fetched releases."""
    return cache_folder().parent / "executorch"


def cached_pte(model: "Converted") -> bytes:
    """The program of a converted model for XNNPACK, from the cache if it is there. Raises as
    `converter.pte.lower` does.
    """
    from blazepalm.converter.graph_json import graph_to_dict

    if model.recognition is None:
        structure = graph_to_dict(model.graph)
    else:
        structure = spec_to_dict(model.recognition.spec)
    return cached_program(pte_module(model), input_shapes(model), structure, model.graph.source)


def cached_program(
    module: "nn.Module", shapes: Shapes, structure: Mapping[str, Any], source: str
) -> bytes:
    """The same for a module of this structure (plain values) that takes inputs of these shapes."""
    need_executorch()
    folder, key = programs_folder(), _key(module, shapes, structure)
    for path in sorted(folder.glob(f"{key}-*.pte")):
        if (content := _whole(path)) is not None:
            return content
    content = lower(module, shapes, source)
    with suppress(ArtifactError):
        name = f"{key}-{hashlib.sha256(content).hexdigest()}.pte"
        with atomic_file(folder / name) as temporary:
            temporary.write_bytes(content)
        _trim(folder)
    return content


def _key(module: "nn.Module", shapes: Shapes, structure: Mapping[str, Any]) -> str:
    known = {
        "shapes": shapes,
        "structure": structure,
        "versions": {name: version(name) for name in DECIDING},
        "code": _code(),
    }
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()[:32]


@cache
def _code() -> str:
    """SHA-256 of all code that decides what a module computes and how it is lowered."""
    digest = hashlib.sha256()
    for part in ("converter", "models"):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _whole(path: Path) -> bytes | None:
    """A kept program's bytes; None, and it is deleted, if its SHA-256 is not its name's."""
    with suppress(OSError):
        content = path.read_bytes()
        if path.stem.rpartition("-")[2] == hashlib.sha256(content).hexdigest():
            os.utime(path)  # it was of use
            return content
        path.unlink()
    return None


def _trim(folder: Path) -> None:
    """Deletes the programs that were of no use for the longest time."""
    with suppress(OSError):
        kept = [(path.stat(), path) for path in folder.glob("*.pte")]
        total = sum(status.st_size for status, _ in kept)
        for status, path in sorted(kept, key=lambda entry: entry[0].st_mtime_ns):
            if total <= MAX_BYTES:
                return
            path.unlink()
            total -= status.st_size
