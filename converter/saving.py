"""A module, fine-tuned or not → the folder that `convert` writes.

The new weights go back into a copy of the TFLite file that the module came from (`model.tflite`),
and that copy is converted. So a saved folder is a conversion like any other: it is proved bit for
bit, LiteRT can run it, and `load`, `detect`, `parity` and `verify` take it.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.atomic import atomic_folder, check_folder
from blazepalm.converter.artifacts import TFLITE, FineTuning, source_record, write_artifacts
from blazepalm.converter.choose import choose
from blazepalm.converter.convert import convert_graph
from blazepalm.converter.converted import Settled
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.evidence import NO_OVERRIDES
from blazepalm.converter.folder import (
    is_converted,
    layout_of,
    original,
    overrides_of,
    tuned_from,
)
from blazepalm.converter.loading import Structure, owned_files, read_record, structure_of
from blazepalm.converter.onnx_file import need_onnx
from blazepalm.converter.tflite.float_form import float_form
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.converter.tflite.with_weights import with_weights
from blazepalm.converter.transforms import undo_transform
from blazepalm.errors import ArtifactError, CouldNotVerify, check_path
from blazepalm.models.gesture_spec import GestureSpec, gesture_family
from blazepalm.models.release_registry import load_registry
from blazepalm.models.spec import HandLandmarksSpec, Spec, in_file

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.converted import Converted

State = dict[str, NDArray[np.float32]]


def save(
    module: "nn.Module",
    folder: str | Path,
    *,
    source: str | Path | None = None,
    coreml: CoreMLOptions | None = None,
    onnx: bool = False,
    force: bool = False,
) -> Path:
    """Writes a module with its present weights as the folder that `convert` writes, plus
    `model.tflite`, the same network for LiteRT; `conversion.json` says which weights moved
    (`fine_tuning`). If none did, the folder is that of `convert`. Returns the folder.

    `module`: a `PalmDetector`, `HandLandmarks`, `GestureEmbedder`, `GestureClassifier`, or what
    `load` gave, on any device, in any mode;
    weights in float16 or bfloat16 are written as the float32 numbers that they are. `source`: the
    release, file or folder of the same structure that it was trained from; by default where it was
    loaded from, for an untrained network the newest release. `coreml`: options of a Core ML
    package; None writes none. `onnx` adds `model.onnx`, checked in ONNX Runtime. `force` replaces
    an earlier conversion, also that which the module was loaded from.

    Raises TypeError for another kind of module, UnknownRelease, InvalidModel or CouldNotVerify if
    the source cannot be found or read, ArtifactError if the module is not of its structure, a
    weight is not finite or is float64, or the folder cannot be written.
    """
    check_path(folder, "a folder's name")
    if source is not None:
        check_path(source, "a release, a file or a folder")
    folder = Path(folder)
    if coreml is not None and not isinstance(coreml, CoreMLOptions):
        raise TypeError(f"coreml is {type(coreml).__name__}, expected CoreMLOptions or None")
    spec = _spec_of(module)
    if coreml is not None:
        need_coremltools("writing a Core ML package", "leave it out (coreml=None)")
    if onnx:
        need_onnx()
    check_folder(folder, owned=owned_files, force=force)
    model, content, record, layout = _start(module, spec, source)
    restated = False
    if isinstance(spec, Spec) and model.recognition is not None:
        known = model.recognition.spec
        restated = spec != replace(known, evidence=spec.evidence)
        own = replace(spec, evidence=known.evidence)
        model = replace(model, recognition=replace(model.recognition, spec=own))
    values, old = _values(module), _values(model.module)
    _check_names(values, old, model.graph.source)
    moved = [name for name in sorted(old) if values[name].tobytes() != old[name].tobytes()]
    tuning = None
    if moved or restated or "fine_tuning" in record:
        content = _tuned_file(model, content, {name: values[name] for name in moved})
        tuning = _tuning(content, model, record, moved)
        model = _converted(content, model, values, layout)
    anchors: Any = getattr(module, "anchors", None)
    if anchors is not None:
        model.module.anchors = anchors.detach().float().cpu().contiguous()
    with atomic_folder(folder, owned=owned_files, force=force) as place:
        write_artifacts(model, place, coreml, tuning=tuning, onnx=onnx)
    return folder


def _spec_of(module: "nn.Module") -> Spec | GestureSpec | None:
    """The structure of a readable module; None for one that computes operator by operator."""
    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.models.gestures import GestureClassifier, GestureEmbedder
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    if isinstance(module, PalmDetector | HandLandmarks | GestureEmbedder | GestureClassifier):
        return module.spec
    if isinstance(module, LoweredGraph):
        return None
    raise TypeError(
        "expected a PalmDetector, a HandLandmarks, a gesture network or a module that load "
        f"returned, got {type(module).__name__}"
    )


def _start(
    module: "nn.Module",
    spec: Spec | GestureSpec | None,
    source: str | Path | None,
) -> tuple["Converted", bytes, dict[str, Any], str]:
    """What the module was trained from: converted, its file's bytes, its folder's record (empty if
    it was no folder) and the layout of its images. Raises ArtifactError if its structure is
    another.
    """
    if isinstance(spec, GestureSpec):
        family = gesture_family(spec)
    else:
        family = "hand" if isinstance(spec, HandLandmarksSpec) else "palm"
    origin = source if source is not None else getattr(module, "origin", None)
    if origin is None and isinstance(spec, GestureSpec):
        raise ArtifactError(
            "the module was not loaded from anywhere: name the file or folder of its structure "
            "with source="
        )
    if origin is None:
        defaults = load_registry().aliases
        origin = defaults[f"{family}-full"]
    record: dict[str, Any] = {}
    structure: Structure | None = None
    overrides, layout = NO_OVERRIDES, "nhwc"
    if is_converted(origin):
        path = Path(origin)
        record = read_record(path)
        try:
            found = original(path)
        except CouldNotVerify as error:
            raise CouldNotVerify(f"{error}, or name it with source=") from error
        name, content = found.source, found.content
        structure = structure_of(path, record)
        overrides = overrides_of(record, structure)
        layout = layout_of(record)
    else:
        name, content = choose(origin, family)
    content = float_form(content, name)
    model = convert_graph(read_bytes(content, name), lambda note: None, overrides, layout)
    recognition = model.recognition or model.gesture
    known = None if recognition is None else recognition.spec
    if not _same_structure(module, model.module, spec, known):
        raise ArtifactError(
            f"{name}: its structure is not the module's; name the release, file or folder that the "
            "module was trained from with source="
        )
    if model.recognition is not None and isinstance(structure, Spec):
        recorded = replace(model.recognition, spec=structure)  # with the folder's evidence
        model = replace(model, recognition=recorded)
    return model, content, record, layout


def _same_structure(
    module: "nn.Module",
    other: "nn.Module",
    spec: Spec | GestureSpec | None,
    known: Spec | GestureSpec | None,
) -> bool:
    if isinstance(spec, GestureSpec) or isinstance(known, GestureSpec):
        return spec == known
    if spec is None or known is None:
        return spec is known and getattr(module, "inputs", None) == getattr(other, "inputs", None)
    return in_file(spec) == in_file(known)


def _values(module: "nn.Module") -> State:
    """The weights as float32. Raises ArtifactError for values that float32 cannot hold."""
    import torch

    from blazepalm.models.state import check_finite

    found: State = {}
    for name, value in module.state_dict().items():
        if value.is_meta:
            raise ArtifactError(
                f"{name} of the module has no values yet (it is on the meta device)"
            )
        if value.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            kind = str(value.dtype).removeprefix("torch.")
            raise ArtifactError(
                f"{name} of the module is {kind}, and a saved folder holds float32: call "
                "module.float() first"
            )
        found[name] = value.detach().float().cpu().contiguous().numpy()
        check_finite(name, found[name], "the module", "train again from an earlier state")
    return found


def _check_names(values: State, old: State, source: str) -> None:
    for name in sorted({*values, *old}):
        if name not in old or name not in values:
            lack = "is not in" if name not in old else "is only in"
            raise ArtifactError(
                f"{name} {lack} the network of {source}: a saved folder holds the network alone; "
                "keep heads of your own in a module around it"
            )
        if values[name].shape != old[name].shape:
            raise ArtifactError(
                f"{name} of the module has shape {list(values[name].shape)}, that of {source} "
                f"{list(old[name].shape)}"
            )


def _tuned_file(model: "Converted", content: bytes, moved: State) -> bytes:
    """The model's TFLite file with the moved weights. Raises ArtifactError if its weights were
    rearranged before recognition, so that a weight is no operand of the file.
    """
    graph = read_bytes(content, model.graph.source)
    operators = {op.index: op for op in graph.operators}
    operands: dict[tuple[int, int], NDArray[np.float32]] = {}
    for row in model.tensor_map:
        if row.key not in moved:
            continue
        operator = operators.get(row.operator)
        here = None
        if operator is not None and row.operand < len(operator.inputs):
            here = graph.tensors[operator.inputs[row.operand]]
        try:
            if here is None or here.data is None:
                raise ValueError("it is no constant of the file")
            stored = undo_transform(moved[row.key], row.transform, here.shape)
        except ValueError as error:
            names = ", ".join(rewrite.name for rewrite in model.preserved.rewrites)
            raise ArtifactError(
                f"{row.key} cannot be written back into {model.graph.source}: its weights were "
                f"rearranged by the conversion ({names or error}); keep the state_dict instead"
            ) from error
        operands[row.operator, row.operand] = stored
    return with_weights(content, model.graph.source, operands)


def _tuning(
    content: bytes, model: "Converted", record: dict[str, Any], moved: list[str]
) -> FineTuning:
    """Weights tuned in two rounds still started from the first round's file."""
    release = None if model.release is None else model.release.name
    origin: dict[str, Any] = {"release": release, **source_record(model.graph)}
    if "fine_tuning" in record:
        _, earlier = tuned_from(Path(), record)
        origin, moved = record["fine_tuning"]["from"], sorted({*earlier, *moved})
    return FineTuning(content, origin, tuple(moved))


def _converted(content: bytes, model: "Converted", values: State, layout: str) -> "Converted":
    """The tuned file, converted as the first one was. Raises ArtifactError unless it gives the
    module's weights, bit for bit.
    """
    graph = read_bytes(content, TFLITE)
    recognition = model.recognition
    settled = None if recognition is None else Settled(recognition.spec, recognition.outputs)
    tuned = convert_graph(graph, lambda note: None, layout=layout, settled=settled)
    found = _values(tuned.module)
    if wrong := [name for name in values if values[name].tobytes() != found[name].tobytes()]:
        raise ArtifactError(
            f"{wrong[0]} cannot be written back into {model.graph.source}: the file gives another "
            "value; keep the state_dict instead"
        )
    return tuned
