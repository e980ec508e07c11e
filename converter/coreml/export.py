"""A converted model → `<Name>.mlpackage`: module → program → description → files.

Nothing but the package is left: coremltools' own scratch files go with the work. The same
model and options give the same bytes.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.converter.coreml.count import mil_operations, tflite_operators
from blazepalm.converter.coreml.metadata import describe, package_name
from blazepalm.converter.coreml.options import CoreMLOptions, CoreMLRecord
from blazepalm.converter.coreml.package import write_package
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.converter.coreml.quiet import quietly
from blazepalm.models.errors import ArtifactError

if TYPE_CHECKING:
    from blazepalm.converter.convert import Converted


def export(model: "Converted", folder: Path, options: CoreMLOptions) -> CoreMLRecord:
    """Writes `folder/<Name>.mlpackage` (the folder is made where it is missing).

    Raises ArtifactError where the model has no such face, the package exists already, or
    it cannot be written; then nothing is left behind.
    """
    name = package_name(model)
    package = folder / f"{name}.mlpackage"
    if package.exists() or package.is_symlink():
        raise ArtifactError(f"{package}: exists already; remove it or choose another folder")
    inputs, outputs = face_ports(model, options.face)
    with quietly() as scratch:
        from blazepalm.converter.coreml.faces import face_module
        from blazepalm.converter.coreml.program import build

        module = face_module(model, options.face)
        tidy = model.recognition is None
        built = build(module, inputs, outputs, options, scratch / f"{name}.mlpackage", tidy=tidy)
        specification = built.get_spec()
        blob = Path(built.weights_dir) / "weight.bin" if built.weights_dir else None
        weights = blob.read_bytes() if blob is not None and blob.is_file() else None
    describe(specification, model, options, (*inputs, *outputs))
    files = write_package(package, specification.SerializeToString(deterministic=True), weights)
    return CoreMLRecord(
        name=package.name,
        files=files,
        face=options.face,
        precision=options.precision,
        target=options.target,
        compress=options.compress,
        inputs=inputs,
        outputs=outputs,
        operations=mil_operations(specification),
        tflite_operators=tflite_operators(model.graph),
        weight_bytes=0 if weights is None else len(weights),
    )
