"""Small Core ML packages, made by coremltools alone, and ways to break them."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from blazepalm.converter.coreml.quiet import import_coremltools

ct = import_coremltools()
proto = ct.proto


def convert_module(
    path: Path,
    module: Any,
    inputs: Sequence[Any],
    *,
    target: str = "iOS16",
    precision: str = "FLOAT32",
    metadata: Mapping[str, str] | None = None,
    **options: Any,
) -> Path:
    """Traces a torch module, converts it with coremltools, saves it at `path`. `metadata` goes
    under `userDefined`.
    """
    import torch

    examples = tuple(torch.rand(*_default_shape(i.shape)) for i in inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad():
            traced = torch.jit.trace(module.eval(), examples)
        model = ct.convert(
            traced,
            inputs=list(inputs),
            convert_to="mlprogram",
            minimum_deployment_target=getattr(ct.target, target),
            compute_precision=getattr(ct.precision, precision),
            skip_model_load=True,
            **options,
        )
        for key, value in (metadata or {}).items():
            model.user_defined_metadata[key] = value
        model.save(str(path))
    return path


def _default_shape(shape: Any) -> tuple[int, ...]:
    sizes = getattr(shape, "default", None) or shape.shape
    return tuple(d.default if isinstance(d, ct.RangeDim) else int(d) for d in sizes)


def save_functions(path: Path, **packages: Path) -> Path:
    """One package of several functions: the `main` of each of `packages` (iOS 18), by name; the
    first is the default.
    """
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, package in packages.items():
        descriptor.add_function(str(package), "main", name)
    descriptor.default_function_name = next(iter(packages))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct.utils.save_multifunction(descriptor, str(path))
    return path


def write_package(path: Path, specification: bytes, weights: bytes | None = None) -> Path:
    """A package folder by hand: manifest, model file, and the weight file where there is one."""
    model = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(specification)
    if weights is not None:
        (model.parent / "weights").mkdir(exist_ok=True)
        (model.parent / "weights" / "weight.bin").write_bytes(weights)
    item = {"path": "com.apple.CoreML/model.mlmodel", "name": "model.mlmodel"}
    manifest = {"itemInfoEntries": {"A": item}, "rootModelIdentifier": "A"}
    (path / "Manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return path


def edit_package(package: Path, edit: Callable[[Any], None]) -> Path:
    """Edits the specification of a package in place."""
    (path,) = package.rglob("model.mlmodel")
    model = proto.Model_pb2.Model()
    model.ParseFromString(path.read_bytes())
    edit(model)
    path.write_bytes(model.SerializeToString())
    return package


def with_unknown(package: Path, *kinds: str) -> Path:
    """Renames the operations of these types in place, so that nothing executes them."""

    def rename(model: Any) -> None:
        for op in block_of(model).operations:
            if op.type in kinds:
                op.type = f"no_{op.type}"

    return edit_package(package, rename)


def block_of(model: Any) -> Any:
    """The one block of the function `main`."""
    (block,) = model.mlProgram.functions["main"].block_specializations.values()
    return block


BREAKS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no weight file": (lambda p: _weights(p).unlink(), "is missing"),
    "a blob offset past the end": (
        lambda p: edit_package(p, lambda m: setattr(blob_of(m), "offset", 1 << 40)),
        "no weight at offset",
    ),
    "a blob path that climbs out": (
        lambda p: edit_package(
            p, lambda m: setattr(blob_of(m), "fileName", "@model_path/../../../../etc/passwd")
        ),
        "leads out of the package",
    ),
    "a huge declared shape": (
        lambda p: edit_package(
            p,
            lambda m: setattr(
                block_of(m).operations[-1].outputs[0].type.tensorType.dimensions[0].constant,
                "size",
                1 << 60,
            ),
        ),
        "declares",
    ),
    "a truncated protobuf": (
        lambda p: _model(p).write_bytes(_model(p).read_bytes()[:-40]),
        "cut off",
    ),
    "an empty protobuf": (lambda p: _model(p).write_bytes(b""), "holds no model"),
    "a neural network": (
        lambda p: edit_package(p, lambda m: m.neuralNetwork.MergeFrom(m.neuralNetwork)),
        "not an ML program",
    ),
    "no manifest": (lambda p: (p / "Manifest.json").unlink(), "not a Core ML package"),
    "another manifest": (
        lambda p: (p / "Manifest.json").write_text("[]", encoding="utf-8"),
        "names no root model",
    ),
}


def blob_of(model: Any) -> Any:
    """Where the first stored constant lies."""
    return next(
        op.attributes["val"].blobFileValue
        for op in block_of(model).operations
        if op.type == "const" and op.attributes["val"].WhichOneof("value") == "blobFileValue"
    )


def _model(package: Path) -> Path:
    (path,) = package.rglob("model.mlmodel")
    return path


def _weights(package: Path) -> Path:
    (path,) = package.rglob("weight.bin")
    return path
