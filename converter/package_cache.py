"""Keeps Core ML packages, because making one takes a second (`converter.program_cache`).

A package is found by everything that decides its bytes: the file, the weights, the structure, the
options, the libraries, our own code, and this machine's kernels, which may fold constants.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import DecodeError, msgpack

from blazepalm.cache_file import versions
from blazepalm.converter.coreml.export import export
from blazepalm.converter.coreml.metadata import package_name
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.coreml.package import PACKAGE_FILES, write_files
from blazepalm.converter.program_cache import kept_program
from blazepalm.converter.pte_cache import module_key, structure_of
from blazepalm.processor import kernels

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

RUNTIME = "coreml"
DECIDING = ("coremltools", "numpy", "protobuf", "scikit-learn", "torch")
REGISTRY = "models/releases.toml"  # which modules stay float32

_decoder = msgpack.Decoder(dict[str, bytes])


def cached_package(model: "Converted", folder: Path, options: CoreMLOptions) -> None:
    """Writes `folder/<Name>.mlpackage` as `export` does, from the cache if it is there. Raises as
    `export` does.
    """
    package = folder / f"{package_name(model, options.face)}.mlpackage"

    def make() -> bytes:
        export(model, folder, options)
        paths = (path for path in PACKAGE_FILES if (package / path).is_file())
        return msgpack.encode({path: (package / path).read_bytes() for path in paths})

    content = kept_program(RUNTIME, package_key(model, options), make)
    if package.exists():
        return
    files = _unpacked(content)
    if files is None:
        export(model, folder, options)
    else:
        write_files(package, files)


def package_key(model: "Converted", options: CoreMLOptions) -> str:
    """The key of a model's package."""
    deciding = {
        "name": model.name,
        "file": model.graph.sha256,
        "structure": structure_of(model),
        "outputs": model.outputs,
        "options": asdict(options),
        "versions": versions(*DECIDING),
        "kernels": kernels(),
    }
    return module_key(model.module, (), deciding, (), REGISTRY)


def _unpacked(content: bytes) -> dict[str, bytes] | None:
    """A package's files by their path inside; None for anything else."""
    try:
        files = _decoder.decode(content)
    except DecodeError:
        return None
    *needed, _ = PACKAGE_FILES  # a package without large weights has no file of them
    return files if set(needed) <= set(files) <= set(PACKAGE_FILES) else None
