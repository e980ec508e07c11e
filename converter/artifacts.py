"""The folder of one release: `model.safetensors`, `model.pth`, `anchors.npy`, a Core ML package,
an ExecuTorch program, a Core AI program, a model card and the weights' licence,
`conversion.json`; after fine-tuning `model.tflite`, on request `model.onnx` and, in integers,
`model.int8.tflite`.

The caller moves the finished folder into place (`blazepalm.atomic`). The same input gives the same
bytes. `converter.loading` reads the folder back.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.known import network_of
from blazepalm.converter.model_card import CARD_FILES, write_card
from blazepalm.converter.tflite.graph import Graph
from blazepalm.models.gesture_spec import gesture_spec_to_dict
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

    from blazepalm.converter.converted import Converted
    from blazepalm.converter.coreml import CoreMLOptions
    from blazepalm.converter.int8_file import Int8File

SCHEMA = "blazepalm-conversion/1"
RECORD = "conversion.json"
WEIGHTS, ANCHORS, TFLITE = "model.safetensors", "anchors.npy", "model.tflite"
ONNX, INT8 = "model.onnx", "model.int8.tflite"
# of a folder, besides its package, its programs and its record
FILES = (WEIGHTS, "model.pth", ANCHORS, TFLITE, ONNX, INT8, *CARD_FILES)


@dataclass(frozen=True)
class FineTuning:
    """What a saved folder holds besides a conversion's: `content`, a TFLite file with the new
    weights; `origin`, the record's `source` of the file they were trained from, and its release;
    `moved`, the names of the weights that are no longer that file's.
    """

    content: bytes
    origin: Mapping[str, Any]
    moved: tuple[str, ...]


def write_artifacts(
    model: "Converted",
    folder: Path,
    coreml: "CoreMLOptions | None",
    pte: str | None = None,
    tuning: FineTuning | None = None,
    *,
    onnx: bool = False,
    aimodel: str | None = None,
    integers: "Int8File | None" = None,
) -> None:
    """Fills an empty folder. `coreml` are the options of its Core ML package, `pte` the delegate of
    its ExecuTorch program, `aimodel` the precision of its Core AI program; None for none. `tuning`
    is given if `model` was converted from its `content`; `onnx` adds an ONNX file, `integers` a
    TFLite file in integers.
    """
    import torch

    structure = _structure(model)
    state = {key: value.contiguous() for key, value in sorted(model.module.state_dict().items())}
    (folder / WEIGHTS).write_bytes(_safetensors(model, tuning, state))
    # plain dicts, tensors and one JSON text: unpickling needs no class of this package
    packed = io.BytesIO()  # torch raises its own errors on a full disk
    torch.save({"state_dict": state, "structure": dumps(structure)}, packed)
    (folder / "model.pth").write_bytes(packed.getvalue())
    recognition = model.recognition
    evidence = {} if recognition is None else dict(recognition.spec.evidence.outputs)
    if recognition is not None and isinstance(recognition.spec, PalmDetectorSpec):
        anchors = model.module.anchors
        assert isinstance(anchors, torch.Tensor)
        np.save(folder / ANCHORS, anchors.numpy(), allow_pickle=False)
    if tuning is not None:
        (folder / TFLITE).write_bytes(tuning.content)
    if onnx:
        from blazepalm.converter.onnx_file import write_onnx

        write_onnx(model, folder / ONNX)
    if integers is not None:
        (folder / INT8).write_bytes(integers.content)
    package = None
    if coreml is not None:
        from blazepalm.converter.coreml import export

        package = export(model, folder, coreml).to_dict()
    program = None
    if pte is not None:
        from blazepalm.converter.pte_file import write_pte

        program = asdict(write_pte(model, folder, pte))
    core_ai = None
    if aimodel is not None:
        from blazepalm.converter.coreai.aimodel import write_aimodel

        core_ai = write_aimodel(model, folder, aimodel).to_dict()
    record = {
        "schema": SCHEMA,
        "release": None if model.release is None else model.release.name,
        "source": source_record(model.graph),
        **({} if tuning is None else {"fine_tuning": tuning_record(tuning)}),
        **structure,
        "outputs": [
            {
                "name": name,
                "tflite": model.graph.tensors[t].name,
                "shape": model.graph.tensors[t].shape,
                **({"found_by": evidence[name]} if name in evidence else {}),
                **({"values": model.output_values} if model.output_values else {}),
            }
            for name, t in zip(model.outputs, model.graph.outputs, strict=True)
        ],
        "unrecognised_because": model.reason or None,
        "normal_form": model.preserved.to_dict(),
        "tensor_map": _rows(model),
        "coreml": package,
        "executorch": program,
        "coreai": core_ai,
        **({} if integers is None else {"int8_tflite": integers.record()}),
        "tools": tools(),
    }
    write_card(folder, record)
    files = sorted(path for path in folder.iterdir() if path.name in FILES)
    record["artifacts"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    (folder / RECORD).write_text(dumps(record) + "\n", encoding="utf-8")


def _safetensors(
    model: "Converted", tuning: FineTuning | None, state: "dict[str, Tensor]"
) -> bytes:
    """The weights with metadata, which the library itself would write in random order."""
    from safetensors.torch import save

    content = save(state)
    size = int.from_bytes(content[:8], "little")
    name = "" if model.release is None else model.release.name
    google = name if tuning is None else tuning.origin["release"]
    metadata = {
        "blazepalm.release": name,
        "blazepalm.source_sha256": model.graph.sha256,
        "blazepalm.version": __version__,
        "format": "pt",
        "license": "apache-2.0" if google else "other",
    }
    header = json.dumps(
        {"__metadata__": metadata, **json.loads(content[8 : 8 + size])},
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def source_record(graph: Graph) -> dict[str, Any]:
    """Which file a graph was read from."""
    return {
        "file": Path(graph.source).name,
        "sha256": graph.sha256,
        "network_sha256": network_of(graph),
        "bytes": graph.size,
        "description": graph.description,
    }


def tools() -> dict[str, str]:
    """The versions of what writes a folder: of this package, and of those whose bytes it writes."""
    return {
        "blazepalm": __version__,
        **{name: version(name) for name in ("numpy", "safetensors", "torch")},
    }


def tuning_record(tuning: FineTuning) -> dict[str, Any]:
    return {"from": dict(tuning.origin), "moved": list(tuning.moved)}


def _structure(model: "Converted") -> dict[str, Any]:
    from blazepalm.converter.graph_json import graph_to_dict

    if model.recognition is not None:
        return {"spec": spec_to_dict(model.recognition.spec)}
    if model.gesture is not None:
        return {"spec": gesture_spec_to_dict(model.gesture.spec)}
    return {"graph": graph_to_dict(model.graph)}


def _rows(model: "Converted") -> list[dict[str, Any]]:
    from blazepalm.converter.tensor_map import tensor_map_to_list

    return tensor_map_to_list(model.tensor_map)


def dumps(values: Any) -> str:
    """JSON with sorted keys: equal values give equal text."""
    return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
