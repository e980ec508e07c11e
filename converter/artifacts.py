"""One release's folder: `model.safetensors`, `model.pth`, `anchors.npy`, a Core ML package,
`conversion.json`.

The caller puts the folder in its place as a whole (`blazepalm.atomic`). The same input gives the
same bytes. Nothing read back runs code: the spec is JSON,
weights are safetensors or `weights_only=True`.
"""

import hashlib
import io
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import blazepalm
from blazepalm.converter.coreml.package import PACKAGE_FILES
from blazepalm.models.errors import ArtifactError, BlazePalmError
from blazepalm.models.spec import PalmDetectorSpec, spec_from_dict, spec_to_dict

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.convert import Converted
    from blazepalm.converter.coreml import CoreMLOptions

SCHEMA = "blazepalm-conversion/1"
RECORD = "conversion.json"
WEIGHTS = ("model.safetensors", "model.pth", "anchors.npy")
MAX_RECORD = 64 << 20  # bytes of a conversion.json that is worth reading


def owned_files(folder: Path) -> tuple[str, ...]:
    """What `write_artifacts` put into a folder, as its record says; nothing where it has none."""
    try:
        record = read_record(folder)
    except ArtifactError:
        return ()
    listed, package = record.get("artifacts"), record.get("coreml")
    files = [name for name in WEIGHTS if isinstance(listed, dict) and name in listed]
    name = package.get("name") if isinstance(package, dict) else None
    if isinstance(name, str) and name.endswith(".mlpackage") and "/" not in name:
        files += [f"{name}/{file}" for file in PACKAGE_FILES]
    return (RECORD, *files)


def write_artifacts(model: "Converted", folder: Path, coreml: "CoreMLOptions | None") -> None:
    """Fills an empty folder, with a Core ML package if `coreml` says how."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    structure = _structure(model)
    state = {key: value.contiguous() for key, value in sorted(model.module.state_dict().items())}
    try:
        save_file(state, folder / "model.safetensors")
    except SafetensorError as error:  # of the disk: the tensors are plain
        raise OSError(str(error)) from error
    # a plain dict of plain dicts, tensors and one JSON text: no class of ours to unpickle
    packed = io.BytesIO()  # torch has errors of its own for a full disk
    torch.save({"state_dict": state, "structure": dumps(structure)}, packed)
    (folder / "model.pth").write_bytes(packed.getvalue())
    recognition = model.recognition
    if recognition is not None and isinstance(recognition.spec, PalmDetectorSpec):
        anchors = model.module.anchors
        assert isinstance(anchors, torch.Tensor)
        np.save(folder / "anchors.npy", anchors.numpy(), allow_pickle=False)
    files = sorted(folder.iterdir())
    package = None
    if coreml is not None:
        from blazepalm.converter.coreml import export

        package = export(model, folder, coreml).to_dict()
    record = {
        "schema": SCHEMA,
        "release": None if model.release is None else model.release.name,
        "source": {
            "file": Path(model.graph.source).name,
            "sha256": model.graph.sha256,
            "bytes": model.graph.size,
            "description": model.graph.description,
        },
        **structure,
        "outputs": [
            {
                "name": name,
                "tflite": model.graph.tensors[t].name,
                "shape": model.graph.tensors[t].shape,
            }
            for name, t in zip(model.outputs, model.graph.outputs, strict=True)
        ],
        "unrecognised_because": model.reason or None,
        "tensor_map": _rows(model),
        "coreml": package,
        "artifacts": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "tools": {
            "blazepalm": blazepalm.__version__,
            **{name: version(name) for name in ("numpy", "safetensors", "torch")},
        },
    }
    (folder / RECORD).write_text(dumps(record) + "\n", encoding="utf-8")


def _structure(model: "Converted") -> dict[str, Any]:
    from blazepalm.converter.graph_json import graph_to_dict

    if model.recognition is not None:
        return {"spec": spec_to_dict(model.recognition.spec)}
    return {"graph": graph_to_dict(model.graph)}


def _rows(model: "Converted") -> list[dict[str, Any]]:
    from blazepalm.converter.weights import tensor_map_to_list

    return tensor_map_to_list(model.tensor_map)


def dumps(values: Any) -> str:
    """JSON with sorted keys: the same values give the same text."""
    return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)


def load(folder: str | Path) -> "nn.Module":
    """The module of a converted folder, in evaluation mode, without its `.tflite`.

    Raises ArtifactError where the folder is none of ours, is damaged, or its weights do not
    fit what `conversion.json` says.
    """
    folder = Path(folder)
    record = read_record(folder)
    module: nn.Module = _guarded(folder, lambda: _empty_module(record))
    from blazepalm.models.state import read_state

    path = folder / "model.safetensors"
    state = read_state(path)
    try:
        module.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise ArtifactError(f"{path}: does not fit {RECORD}: {error}") from error
    if record.get("spec") is not None and (folder / "anchors.npy").is_file():
        anchors = getattr(module, "load_anchors", None)
        if anchors is not None:
            _guarded(folder, lambda: anchors(folder / "anchors.npy"))
    return module.eval()


def read_record(folder: Path) -> dict[str, Any]:
    """`conversion.json` of a folder, its schema checked."""
    path = folder / RECORD
    if not path.is_file():
        raise ArtifactError(f"{folder}: holds no {RECORD}; give a folder that convert wrote")
    if path.stat().st_size > MAX_RECORD:
        raise ArtifactError(f"{path}: larger than {MAX_RECORD} bytes, not one of ours")
    record = _guarded(folder, lambda: json.loads(path.read_text(encoding="utf-8")))
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise ArtifactError(f"{path}: its schema is not {SCHEMA}; convert the release again")
    return record


def _guarded(folder: Path, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except BlazePalmError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, OSError, RecursionError) as error:
        raise ArtifactError(f"{folder}: damaged ({error}); convert the release again") from error


def _empty_module(record: dict[str, Any]) -> "nn.Module":
    import torch

    if "spec" in record:
        from blazepalm.models.hand_landmarks import HandLandmarks
        from blazepalm.models.palm_detector import PalmDetector

        spec = spec_from_dict(record["spec"])
        with torch.device("meta"):
            return PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    from blazepalm.converter.graph_json import graph_from_dict
    from blazepalm.converter.lowering import lower

    return lower(graph_from_dict(record["graph"]))
