"""A folder written by `artifacts.write_artifacts` → its module, without the `.tflite`.

Loading runs no stored code: the structure is JSON, the weights are safetensors. A folder may be
damaged or untrusted, so everything is checked before use: the structure by its own rules, the files
by their SHA-256, the weights by dtype and shape.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from blazepalm import strict_json
from blazepalm.converter.artifacts import ANCHORS, FILES, RECORD, SCHEMA, WEIGHTS
from blazepalm.converter.coreai.stable import ASSET_FILES
from blazepalm.converter.coreml.package import PACKAGE_FILES
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import ArtifactError, check_path, one_line
from blazepalm.limits import JSON_BYTES
from blazepalm.models.gesture_spec import FAMILIES, GestureSpec, gesture_spec_from_dict
from blazepalm.models.spec import PalmDetectorSpec, Spec
from blazepalm.models.spec_json import spec_from_dict

if TYPE_CHECKING:
    from torch import Tensor, nn

    M = TypeVar("M", bound=nn.Module)

Structure = Spec | GestureSpec | Graph  # of a converted folder


@overload
def load(folder: str | Path) -> "nn.Module": ...
@overload
def load(folder: str | Path, kind: "type[M]") -> "M": ...
def load(folder: str | Path, kind: "type[nn.Module] | None" = None) -> "nn.Module":
    """The module of a folder that `convert` or `save` wrote, in evaluation mode, without its
    `.tflite`: a `PalmDetector`, a `HandLandmarks`, a gesture network, or one that computes a graph
    of no known family operator by operator. `kind` says which is expected, also to a type checker.

    Raises TypeError for anything but a path, ArtifactError if `convert` did not write the folder,
    if a file is not the one that `conversion.json` lists (by SHA-256), if a weight is not finite,
    or if the module is not a `kind`.
    """
    check_path(folder, "a folder that convert wrote")
    folder = Path(folder)
    record = read_record(folder)
    structure = structure_of(folder, record)
    weights, anchors = folder / WEIGHTS, folder / ANCHORS
    _check_sha256(record, weights)
    if ANCHORS in record["artifacts"] or anchors.exists():
        _check_sha256(record, anchors)
    from blazepalm.models.state import check_finite, check_state, read_state

    state = read_state(weights)
    with _damage(folder / RECORD):
        module = _module_of(structure, state)
    check_state(module, state, weights)
    for name, value in state.items():
        check_finite(name, value.numpy(), str(weights), "convert the release again")
    # copies: in the file's own memory, weights lie at odd addresses, where some kernels round
    # otherwise
    state = {name: value.clone() for name, value in state.items()}
    module.load_state_dict(state, strict=True, assign=True)
    if isinstance(structure, PalmDetectorSpec) and anchors.exists():
        module.load_anchors(anchors)  # type: ignore[operator]
    if kind is not None and not isinstance(module, kind):
        raise ArtifactError(
            f"{folder}: holds a {type(module).__name__}, expected a {kind.__name__}"
        )
    return from_here(module, folder).eval()


def from_here(module: "nn.Module", source: str | Path) -> "nn.Module":
    """Notes where a module's weights come from, for `save`: `module.origin`."""
    where = Path(source)
    module.origin = str(where.absolute() if where.exists() else source)  # type: ignore[assignment]
    return module


def read_record(folder: Path) -> dict[str, Any]:
    """A folder's `conversion.json`, with its schema checked. Raises ArtifactError."""
    path = folder / RECORD
    if not path.is_file():
        raise ArtifactError(f"{folder}: has no {RECORD}; give a folder that convert wrote")
    if path.stat().st_size > JSON_BYTES:
        raise ArtifactError(f"{path}: larger than {JSON_BYTES} bytes; convert did not write it")
    with _damage(path):
        record = strict_json.loads(path.read_bytes().decode("utf-8"))
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise ArtifactError(f"{path}: the schema is not {SCHEMA}; convert the release again")
    artifacts = record.get("artifacts")
    if not isinstance(artifacts, dict) or not all(isinstance(v, str) for v in artifacts.values()):
        raise ArtifactError(f"{path}: does not list the artifacts; convert the release again")
    return record


def structure_of(folder: Path, record: Mapping[str, Any]) -> Structure:
    """The network that the folder's record describes. Raises ArtifactError."""
    with _damage(folder / RECORD):
        return _structure(record)


def owned_files(folder: Path) -> tuple[str, ...]:
    """The files that `write_artifacts` put into a folder, from its record; empty without one."""
    try:
        record = read_record(folder)
    except ArtifactError:
        return ()
    files = [name for name in FILES if name in record["artifacts"]]
    if name := _named(record.get("coreml"), ".mlpackage"):
        files += [f"{name}/{file}" for file in PACKAGE_FILES]
    if name := _named(record.get("coreai"), ".aimodel"):
        files += [f"{name}/{file}" for file in ASSET_FILES]
    if name := _named(record.get("executorch"), ".pte"):
        files.append(name)
    return (RECORD, *files)


def _named(part: Any, suffix: str) -> str | None:
    """The file or folder that a part of a record names, if it is of its kind and in the folder."""
    name = part.get("name") if isinstance(part, dict) else None
    return name if isinstance(name, str) and name.endswith(suffix) and "/" not in name else None


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turns any error that a damaged record causes into one sentence."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError):
            raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
        raise ArtifactError(
            f"{path}: damaged ({one_line(error)}); convert the release again"
        ) from error


def sha256_of(path: Path) -> str | None:
    """The file's SHA-256 (hex); None if there is no such file. Raises ArtifactError."""
    if not path.is_file():
        return None
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _check_sha256(record: Mapping[str, Any], path: Path) -> None:
    expected = record["artifacts"].get(path.name)
    if expected is None:
        raise ArtifactError(f"{path}: not listed in {RECORD}; convert the release again")
    found = sha256_of(path)
    if found is None:
        raise ArtifactError(f"{path}: is missing; convert the release again")
    if found != expected:
        raise ArtifactError(
            f"{path}: the file changed since {RECORD} was written (its SHA-256 differs); "
            "convert the release again"
        )


def _structure(record: Mapping[str, Any]) -> Structure:
    if "spec" in record:
        return any_spec(record["spec"])
    if "graph" not in record:
        raise ValueError("neither a spec nor a graph")
    from blazepalm.converter.graph_json import graph_from_dict

    return graph_from_dict(record["graph"])


def any_spec(values: Any) -> Spec | GestureSpec:
    """The structure of any readable network, from plain values. Raises ValueError."""
    if isinstance(values, Mapping) and values.get("family") in FAMILIES:
        return gesture_spec_from_dict(values)
    return spec_from_dict(values)


def _module_of(structure: Structure, state: Mapping[str, "Tensor"]) -> "nn.Module":
    """The module, to be filled with `state`."""
    if isinstance(structure, Graph):
        from blazepalm.converter.lowering import lower

        _check_size(structure, state)
        return lower(structure)
    return readable_module(structure)


def readable_module(structure: Spec | GestureSpec) -> "nn.Module":
    """The network of a spec without values, to be filled; a gesture network is small and has
    untrained ones.
    """
    import torch

    if isinstance(structure, GestureSpec):
        from blazepalm.models.gestures import gesture_module

        return gesture_module(structure)
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    with torch.device("meta"):
        if isinstance(structure, PalmDetectorSpec):
            return PalmDetector(structure)
        return HandLandmarks(structure)


def _check_size(graph: Graph, state: Mapping[str, "Tensor"]) -> None:
    """Lowering allocates memory for the weights, so check that exactly as many are stored. Raises
    ValueError.
    """
    from blazepalm.converter.weights import CODE_OPERANDS

    wanted = 0
    for op in graph.needed():
        for slot, index in enumerate(op.inputs):
            data = graph.tensors[index].data if index >= 0 else None
            if data is not None and data.dtype.kind == "f" and (op.name, slot) not in CODE_OPERANDS:
                wanted += data.size
    given = sum(value.numel() for value in state.values())
    if wanted > given:
        raise ValueError(f"the graph has {wanted} weights, {WEIGHTS} holds {given}")
