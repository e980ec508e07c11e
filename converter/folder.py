"""A folder that `convert` wrote → the model it holds, next to the file that it was made from.

The record keeps no path, only the file's name and hashes, so the file is looked for in the folder,
beside it, in the current folder, and among the known releases on this machine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from blazepalm.converter.artifacts import RECORD
from blazepalm.converter.choose import with_sha256
from blazepalm.converter.converted import Converted, Settled
from blazepalm.converter.evidence import Overrides
from blazepalm.converter.layout import REWRITE
from blazepalm.converter.loading import Structure, read_record, sha256_of, structure_of
from blazepalm.converter.tflite.bundle import open_contents
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import ArtifactError, BlazePalmError, CouldNotVerify
from blazepalm.models.gesture_spec import GestureSpec
from blazepalm.models.release_registry import load_registry
from blazepalm.models.spec import Evidence, Spec

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.lowering import LoweredGraph

Notice = Callable[[str], None]


class Original(NamedTuple):
    """The file that a folder was made from, or another file of the same network (not `same`)."""

    source: str
    content: bytes
    same: bool


class Kept(NamedTuple):
    """The recorded name and SHA-256 of the file, and its network's SHA-256 ("" if unknown)."""

    file: str
    sha256: str
    network_sha256: str


def is_converted(path: object) -> bool:
    """Whether this is the path of a folder that `convert` wrote."""
    try:
        return isinstance(path, str | Path) and (Path(path) / RECORD).is_file()
    except (OSError, ValueError):  # too long, or with a null character: not a path
        return False


def source_of(folder: Path) -> Kept:
    """The file that a converted folder was made from. Raises ArtifactError."""
    return _kept(folder, read_record(folder).get("source"))


def tuned_from(folder: Path, record: Mapping[str, Any]) -> tuple[Kept, list[str]]:
    """The file that a fine-tuned folder's weights started from, and the names of those that moved.
    Raises ArtifactError.
    """
    tuning = record.get("fine_tuning")
    tuning = tuning if isinstance(tuning, dict) else {}
    moved = tuning.get("moved")
    if not isinstance(moved, list) or not all(isinstance(name, str) for name in moved):
        raise ArtifactError(f"{folder / RECORD}: does not list the weights that were tuned")
    return _kept(folder, tuning.get("from")), moved


def _kept(folder: Path, source: Any) -> Kept:
    kept = source if isinstance(source, dict) else {}
    name, sha256 = kept.get("file"), kept.get("sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or Path(name).name != name:
        raise ArtifactError(f"{folder / RECORD}: names no source file; convert it again")
    return Kept(name, sha256, str(kept.get("network_sha256") or ""))


def original(folder: Path) -> Original:
    """The `.tflite` of a converted folder, by its SHA-256; else a known release of its network.
    Raises ArtifactError for a damaged record, CouldNotVerify if neither is on this machine.
    """
    return find_original(folder, source_of(folder))


def find_original(folder: Path, kept: Kept) -> Original:
    """As `original`, for a file that the folder's record names."""
    name, sha256, network = kept
    for place in _places(folder, name):
        if found := with_sha256(_models(place), sha256):
            return Original(*found, same=True)
    for release in load_registry().releases:
        here = release.location()
        known = sha256 in (release.sha256, *release.also_sha256)
        if here is not None and (known or (network and release.network_sha256 == network)):
            return Original(str(here), here.read_bytes(), release.sha256 == sha256)
    raise CouldNotVerify(
        f"{folder}: the file that it was made from, {name} with SHA-256 {sha256[:16]}…, is neither "
        "in the folder, beside it or in the current folder, nor a known release on this machine; "
        "put it beside the folder"
    )


def converted_folder(folder: Path, found: Original, notice: Notice) -> Converted:
    """The folder's own network and weights, with the graph of `found`. Raises ArtifactError if the
    folder is damaged or does not fit the file, and as `convert_graph` does.
    """
    from blazepalm.converter.convert import convert_graph
    from blazepalm.converter.loading import load

    record = read_record(folder)
    module, structure = load(folder), structure_of(folder, record)
    graph = read_bytes(found.content, found.source)
    notice(f"{folder}: compared with {described(found)}")
    overrides = overrides_of(record, structure)
    settled = settled_of(record, structure)
    fresh = convert_graph(graph, lambda note: None, overrides, layout_of(record), settled)
    if isinstance(structure, GestureSpec):
        if fresh.gesture is None or fresh.gesture.spec != structure:
            raise ArtifactError(
                f"{folder}: its network is not that of {found.source}; convert again"
            )
        return replace(fresh, module=module, generic=_refilled(fresh, module), folder=folder)
    if isinstance(structure, Graph):
        if fresh.recognition is not None or _inputs(fresh.graph) != _inputs(structure):
            raise ArtifactError(f"{folder}: its network takes other inputs than {found.source}")
        generic: Any = module
        return replace(fresh, module=module, generic=generic, normal=generic, folder=folder)
    recognition = fresh.recognition
    if recognition is None or without_evidence(recognition.spec) != without_evidence(structure):
        raise ArtifactError(f"{folder}: its network is not that of {found.source}; convert again")
    recognition = replace(recognition, spec=structure)
    return replace(fresh, module=module, recognition=recognition, folder=folder)


def _refilled(fresh: Converted, module: "nn.Module") -> "LoweredGraph":
    """The operators of a gesture network's file, with the module's weights."""
    import copy

    generic = copy.deepcopy(fresh.generic)
    state = module.state_dict()
    values = {
        binding.key: state[row.key]
        for binding, row in zip(fresh.generic.bindings, fresh.tensor_map, strict=True)
    }
    generic.load_state_dict(values, strict=False)
    return generic


def described(found: Original) -> str:
    """Which file it is, in a few words."""
    if found.same:
        return f"{found.source}, the file that it was made from"
    return f"{found.source}, another file of the same network"


def package_of(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """A converted folder's Core ML package and its record; None without one."""
    package = read_record(folder).get("coreml")
    if not isinstance(package, dict) or not isinstance(package.get("name"), str):
        return None
    return folder / Path(package["name"]).name, package


def pte_of(folder: Path) -> tuple[bytes, dict[str, Any]] | None:
    """A converted folder's ExecuTorch program and its record; None without one. Raises
    ArtifactError unless the file is the one that was recorded: ExecuTorch cannot tell.
    """
    program = read_record(folder).get("executorch")
    if not isinstance(program, dict) or not isinstance(program.get("name"), str):
        return None
    path = folder / Path(program["name"]).name
    found = sha256_of(path)
    if found is None:
        raise ArtifactError(f"{path}: is missing; convert the release again")
    if found != program.get("sha256"):
        raise ArtifactError(
            f"{path}: the file changed since {RECORD} was written (its SHA-256 differs); "
            "convert the release again"
        )
    return path.read_bytes(), program


def overrides_of(record: dict[str, Any], structure: Structure) -> Overrides:
    """What makes evidence give the folder's own spec again."""
    if isinstance(structure, Graph | GestureSpec):
        return Overrides()
    names = _output_names(record)
    return Overrides(
        outputs={name: str(position) for position, name in enumerate(names)},
        generations=(structure.generation,) if structure.generation else (),
        value_ranges={"": structure.value_range},
    )


def layout_of(record: Mapping[str, Any]) -> str:
    """The layout that the folder was converted with, for a graph of no known family."""
    form = record.get("normal_form")
    rewrites = form.get("rewrites") if isinstance(form, dict) else None
    names = [r.get("name") for r in rewrites or () if isinstance(r, dict)]
    return "nchw" if REWRITE in names else "nhwc"


def settled_of(record: Mapping[str, Any], structure: Structure) -> Settled | None:
    """What a fine-tuned folder's record states about its file, which no evidence could show better;
    None for any other folder.
    """
    if isinstance(structure, Graph | GestureSpec) or "fine_tuning" not in record:
        return None
    return Settled(structure, _output_names(record))


def _output_names(record: Mapping[str, Any]) -> tuple[str, ...]:
    outputs = record.get("outputs")
    listed = outputs if isinstance(outputs, list) else []
    return tuple(str(output.get("name")) for output in listed if isinstance(output, dict))


def without_evidence(spec: Spec) -> Spec:
    """The spec as two ways of finding the same roles agree on it."""
    return replace(spec, evidence=Evidence())


def _inputs(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[t].shape for t in graph.inputs]


def _places(folder: Path, name: str) -> Iterator[Path]:
    """Where the file, or the bundle's member, may lie."""
    for place in dict.fromkeys((folder, folder.absolute().parent, Path())):
        yield place / name


def _models(place: Path) -> Iterator[tuple[str, bytes]]:
    try:
        yield from open_contents(place).models
    except BlazePalmError:  # no such file, or not a model
        return
