"""One release's folder: `model.safetensors`, `model.pth`, `anchors.npy`, a Core ML package,
`conversion.json`.

Everything is written to a temporary sibling and renamed, so a folder is there whole or not
at all. The same input gives the same bytes. Nothing read back runs code: the spec is JSON,
weights are safetensors or `weights_only=True`.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import blazepalm
from blazepalm.models.errors import ArtifactError, BlazePalmError
from blazepalm.models.spec import PalmDetectorSpec, spec_from_dict, spec_to_dict

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.convert import Converted
    from blazepalm.converter.coreml import CoreMLOptions

SCHEMA = "blazepalm-conversion/1"
RECORD = "conversion.json"
MAX_RECORD = 64 << 20  # bytes of a conversion.json that is worth reading


def check_destination(folder: Path, force: bool) -> None:
    """Raises ArtifactError where `write` would refuse, before any work is done."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ArtifactError(f"{folder}: exists and is not a folder; choose another -o")
    if folder.exists():
        if not force:
            raise ArtifactError(f"{folder}: exists already; choose another -o, or give --force")
        if any(folder.iterdir()) and not (folder / RECORD).is_file():
            raise ArtifactError(
                f"{folder}: holds no {RECORD}, so it is not ours to replace; choose another -o"
            )
    check_writable(folder.absolute().parent, folder)


def check_writable(below: Path, wanted: Path) -> None:
    """Raises ArtifactError, naming `wanted`, where nothing can be made in `below` or, where
    that is not there yet, in the nearest folder above it that is.
    """
    nearest = below.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ArtifactError(f"{wanted}: {nearest} is not a folder that can be written to")


def write(
    model: "Converted", folder: Path, force: bool, coreml: "CoreMLOptions | None" = None
) -> None:
    """Writes the artifacts, with a Core ML package if `coreml` says how. Raises ArtifactError;
    then nothing is left behind.
    """
    check_destination(folder, force)
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        _fill(model, temporary, coreml)
        mask = _umask()
        temporary.chmod(0o777 & ~mask)
        for path in temporary.iterdir():
            if path.is_file():  # safetensors leaves its own to the owner alone
                path.chmod(0o666 & ~mask)
        if folder.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            folder.rename(aside / folder.name)
            temporary.rename(folder)
            shutil.rmtree(aside)
        else:
            temporary.rename(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArtifactError(f"{folder}: cannot be written: {reason}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fill(model: "Converted", folder: Path, coreml: "CoreMLOptions | None") -> None:
    import torch
    from safetensors.torch import save_file

    structure = _structure(model)
    state = {key: value.contiguous() for key, value in sorted(model.module.state_dict().items())}
    save_file(state, folder / "model.safetensors")
    # a plain dict of plain dicts, tensors and one JSON text: no class of ours to unpickle
    torch.save({"state_dict": state, "structure": dumps(structure)}, folder / "model.pth")
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
        "normal_form": model.preserved.to_dict(),
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
