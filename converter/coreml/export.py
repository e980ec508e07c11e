"""A converted model → `<Name>.mlpackage`: module → program → description → files.

Only the package remains: coremltools' scratch files are deleted. The same model and options give
the same bytes.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.atomic import check_folder
from blazepalm.converter.coreml.count import mil_operations, tflite_operators
from blazepalm.converter.coreml.metadata import describe, package_name
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.coreml.options import CoreMLOptions, CoreMLRecord, Layer, Port
from blazepalm.converter.coreml.package import write_package
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.converter.coreml.quiet import import_coremltools
from blazepalm.converter.coreml.vision import with_suppression
from blazepalm.errors import ArtifactError
from blazepalm.models.spec import PalmDetectorSpec

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted


def export(model: "Converted", folder: Path, options: CoreMLOptions) -> CoreMLRecord:
    """Writes `folder/<Name>.mlpackage`, creating the folder if needed.

    Raises ArtifactError if the model has no such face, or the package already exists or cannot be
    written; BlazePalmError without coremltools. Leaves nothing behind on failure.
    """
    need_coremltools("writing a Core ML package")
    name = package_name(model, options.face)
    package = folder / f"{name}.mlpackage"
    check_folder(package)
    inputs, outputs = face_ports(model, options.face)
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch:
        built = _build(model, inputs, outputs, options, Path(scratch))
    specification, weights, rows, precise = built
    if options.face == "vision":
        assert model.recognition is not None
        assert isinstance(model.recognition.spec, PalmDetectorSpec)
        specification, inputs, outputs = with_suppression(
            specification, model.recognition.spec, inputs
        )
    describe(specification, model, options, (*inputs, *outputs))
    files = write_package(package, specification.SerializeToString(deterministic=True), weights)
    return CoreMLRecord(
        name=package.name,
        files=files,
        face=options.face,
        precision=options.precision,
        target=options.target,
        compress=options.compress,
        weights=dict(options.weights),
        measured=options.measured,
        activations=options.activations,
        prices=options.prices,
        inputs=inputs,
        outputs=outputs,
        operations=mil_operations(specification),
        tflite_operators=tflite_operators(model.graph),
        weight_bytes=0 if weights is None else len(weights),
        float32_modules=precise if options.precision == "fp16" else (),
        layers=rows,
    )


def _build(
    model: "Converted",
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    options: CoreMLOptions,
    scratch: Path,
) -> tuple[Any, bytes | None, tuple[Layer, ...], tuple[str, ...]]:
    """The `Model` message, the content of its weight file, if it has one, its layers, and the
    modules that are float32 in any package.
    """
    coremltools = import_coremltools()
    from coremltools.converters.mil.backend.mil.load import load

    from blazepalm.converter.coreml.activations import quantise_activations
    from blazepalm.converter.coreml.compress import compress
    from blazepalm.converter.coreml.faces import face_module
    from blazepalm.converter.coreml.program import emit
    from blazepalm.converter.coreml.provenance import layers
    from blazepalm.converter.coreml.trace import trace

    target = getattr(coremltools.target, options.target)
    traced = trace(face_module(model, options.face), model.graph)
    emitted = emit(
        traced, inputs, outputs, face=options.face, precision=options.precision, target=target
    )
    rows = layers(model, traced, emitted.values, emitted.program)
    if options.activations:
        quantise_activations(
            emitted.program, {name: (low, high) for name, low, high in options.activations}
        )
    if options.compress is not None:
        compress(emitted.program, dict(options.weights) or options.compress)
    try:
        specification = load(emitted.program, str(scratch), specification_version=target.value)
    except RuntimeError as error:  # this is how C++ reports a full disk
        raise ArtifactError(
            f"{scratch.parent}: Core ML Tools cannot write weights ({error}); is the disk full?"
        ) from error
    blob = scratch / "weight.bin"
    content = blob.read_bytes() if blob.is_file() else None
    return specification, content, rows, traced.precise
