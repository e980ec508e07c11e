"""Opens a Core ML package of face `raw`, executed by blazepalm, not by Apple's runtime."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.converted import Converted
from blazepalm.converter.tflite.foreign import is_core_ml
from blazepalm.errors import InvalidModel, UnknownRelease
from blazepalm.models.generation import Generation
from blazepalm.models.release_registry import Release, load_registry
from blazepalm.models.releases import by_sha256, defaults, generation_of
from blazepalm.models.runners import Runner
from blazepalm.models.spec import Spec
from blazepalm.models.spec_json import spec_from_dict
from blazepalm.reports.hands.open_model import Notice, OpenModel, of_family, output_shapes, shaped

PACKAGES = (".mlpackage", ".mlmodel")


def is_package(path: Path) -> bool:
    """Judges by the content; by the name if there is no such file."""
    return is_core_ml(path) or (path.suffix.lower() in PACKAGES and not path.is_file())


def open_package(path: Path, family: str, notice: Notice) -> OpenModel:
    """Opens a package that blazepalm wrote, as its metadata describe it."""
    from blazepalm.reports.backends.mil import load

    metadata = load(path).metadata
    face = metadata.get("blazepalm.face")
    if face is None:
        raise InvalidModel(f"{path}: was not written by blazepalm, so its model is unknown")
    if face != "raw":
        raise InvalidModel(
            f"{path}: has face {face}; the pipeline runs face raw: blazepalm convert … "
            "--coreml-face raw"
        )
    try:
        found = spec_from_dict(json.loads(metadata["blazepalm.spec"]))
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path}: its metadata hold no readable model structure") from error
    spec = of_family(path, found, family)
    sha256 = metadata.get("blazepalm.source_sha256", "")
    known = by_sha256(sha256)
    release = known or _release_named(metadata.get("blazepalm.release"))
    if spec.generation:
        try:
            generation = generation_of(spec.generation, family)
        except UnknownRelease as error:
            raise InvalidModel(f"{path}: {error}; convert the model again") from error
    else:  # written before packages recorded it
        generation = _generation(release, family, str(path), notice)
    run = package_runner(path, spec)
    name = release.name if release else path.stem
    network = None if known is None else known.network_sha256
    half = metadata.get("blazepalm.precision") != "fp32"
    return OpenModel(name, "coreml-mil", spec, generation, run, sha256, network, float16=half)


def package_runner(path: Path, spec: Spec) -> Runner:
    """Runs a package. Its weights are mapped, so the package may be deleted afterwards."""
    from blazepalm.reports.backends.mil import load
    from blazepalm.reports.backends.package_outputs import RawPackage

    program = load(path)
    fields = tuple(output_shapes(spec))
    declared = {feature.name: feature.type.shape or () for feature in program.outputs}
    if missing := [name for name in fields if name not in declared]:
        raise InvalidModel(
            f"{path}: has no output {', '.join(missing)}; it has {', '.join(declared)}"
        )
    shapes = tuple(tuple(size or 1 for size in declared[name]) for name in fields)
    package = RawPackage(program, fields, fields, shapes)
    program.plan()

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return shaped(package.run(images, program.run), len(images), spec)

    return run


def export_raw(converted: Converted, folder: Path, precision: str) -> Path:
    from blazepalm.converter.coreml.export import export
    from blazepalm.converter.coreml.options import CoreMLOptions

    record = export(converted, folder, CoreMLOptions(face="raw", precision=precision))
    return folder / record.name


def _generation(release: Release | None, family: str, source: str, notice: Notice) -> Generation:
    if release is not None:
        return release.generation
    newest = defaults(family)
    notice(
        f"{source}: not a known release; value range, thresholds and regions are those of the "
        f"newest generation, {newest.name}"
    )
    return newest


def _release_named(name: str | None) -> Release | None:
    """The release that a package names; its file may differ from that release's."""
    return next((release for release in load_registry().releases if release.name == name), None)
