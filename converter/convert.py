"""A release, a file or a bundle → readable module, tensor map, proof, folder of artifacts.

The proof is the last step before anything is written: on seeded images the readable module
and the operator-by-operator lowering of the graph's normal form must give bitwise equal float32
outputs, and that the file's own graph (`converter.proof` says how closely).
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

from blazepalm.atomic import atomic_folder, check_folder
from blazepalm.converter.architecture import Recognition, examine
from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.known import release_of
from blazepalm.converter.normal_form import channels_last
from blazepalm.converter.proof import Preserved, prove_normal_form
from blazepalm.converter.tflite import read, read_members
from blazepalm.converter.tflite.bundle import left_out
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import (
    ArtifactError,
    BlazePalmError,
    InvalidModel,
    WeightTransferError,
)
from blazepalm.models.releases import (
    Generation,
    Release,
    defaults,
    find_generation,
    resolve,
)
from blazepalm.models.spec import PalmDetectorSpec, Spec

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.converter.weights import TensorMap

PROOF_SEED = 20190817  # any will do; the day the first release appeared
PROOF_IMAGES = 2

Notice = Callable[[str], None]
OnFailure = Callable[[BlazePalmError], None]


def warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


@dataclass(frozen=True)
class Converted:
    """One model in memory. `module` is the readable network, or `generic` itself where no
    family was recognised (`recognition` is None, `reason` says why). `normal` is the normal
    form, operator by operator: `generic` itself where nothing had to be rewritten.
    """

    graph: Graph
    release: Release | None
    recognition: Recognition | None
    reason: str
    generic: "LoweredGraph"
    module: "nn.Module"
    tensor_map: "TensorMap"
    normal: "LoweredGraph"
    preserved: Preserved = field(default_factory=Preserved)

    @property
    def name(self) -> str:
        """The release's name, else the file's."""
        return self.release.name if self.release else Path(self.graph.source).stem

    @property
    def outputs(self) -> tuple[str, ...]:
        """Readable output names in the file's order; the file's own where unrecognised."""
        if self.recognition is not None:
            return self.recognition.outputs
        return tuple(self.graph.tensors[t].name for t in self.graph.outputs)

    @property
    def output_values(self) -> tuple[str, ...]:
        """What each number of an only, small output is; empty where nobody says."""
        if self.release is None or len(self.graph.outputs) > 1:
            return ()
        return self.release.generation.output_values


def module_of(
    file_or_release: str | Path, notice: Notice = warn, generation: str | None = None
) -> Converted:
    """Converts in memory and proves the result; nothing is written."""
    return convert_graph(read(resolve(str(file_or_release))), notice, generation)


def convert_graph(
    graph: Graph, notice: Notice = warn, generation_name: str | None = None
) -> Converted:
    """Lowers, recognises, transfers the weights, proves. Raises UnsupportedOperator,
    WeightTransferError, or UnknownRelease where the registry has no such generation.
    """
    import torch

    from blazepalm.converter.lowering import lower
    from blazepalm.converter.weights import readable_keys, transfer
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    generic = lower(graph)
    release = release_of(graph)
    recognition, reason = examine(graph)
    if recognition is not None and recognition.normal.inputs != graph.inputs:
        graph = channels_last(graph)  # so that every image of ours is N, H, W, C
        generic = lower(graph)
        recognition, reason = examine(graph)
    if recognition is None:
        notice(
            f"{graph.source}: no known family ({reason}); converted operator by operator: the "
            f"module takes {_listed(graph, graph.inputs)} and returns "
            f"{_listed(graph, graph.outputs)}"
        )
        rows = transfer(graph, {b: b.key for b in generic.bindings}, generic)
        known = Preserved(graph.rewrites)
        return Converted(graph, release, None, reason, generic, generic, rows, generic, known)
    generation = _generation(graph, release, recognition.family, generation_name, notice)
    spec = with_release(recognition.spec, generation)
    recognition = replace(recognition, spec=spec)
    with torch.device("meta"):  # no memory and no random numbers for values about to be replaced
        module = PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    rewritten = recognition.normal is not graph
    normal = lower(recognition.normal) if rewritten else generic
    keys = readable_keys(recognition.normal, normal.bindings, recognition.modules)
    rows = transfer(recognition.normal, keys, module)
    module.eval()
    converted = Converted(graph, release, recognition, "", generic, module, rows, normal)
    images = prove(converted)
    if not rewritten:
        return replace(converted, preserved=Preserved(graph.rewrites))
    with one_torch_thread():
        preserved = prove_normal_form(graph, generic, recognition.normal, normal, images)
    return replace(converted, preserved=preserved)


def _listed(graph: Graph, tensors: tuple[int, ...]) -> str:
    """`image` N×4×4×3, in the file's axis order; the first axis is the batch."""
    found = [graph.tensors[t] for t in tensors]
    return ", ".join(f"{t.name!r} {'×'.join(('N', *map(str, t.shape[1:])))}" for t in found)


def _generation(
    graph: Graph, release: Release | None, family: str, name: str | None, notice: Notice
) -> Generation:
    """What the file does not hold: as asked for, else its release's, else the newest's."""
    if name is not None:
        return find_generation(name, family)
    if release is not None:
        return release.generation
    newest = defaults(family)
    notice(
        f"{graph.source}: not a known release; value range and thresholds are taken from the "
        f"newest generation, {newest.name}, unless --generation names another"
    )
    return newest


def with_release(spec: Spec, generation: Generation) -> Spec:
    """The spec with what the file does not hold: value range, thresholds, and by name the
    generation that says these and the region rule.
    """
    if isinstance(spec, PalmDetectorSpec):
        return replace(
            spec,
            value_range=generation.value_range,
            score_threshold=generation.score_threshold,
            suppression_iou=generation.suppression_iou,
            generation=generation.name,
        )
    return replace(
        spec,
        value_range=generation.value_range,
        presence_threshold=generation.presence_threshold,
        z_scale=generation.normalize_z,
        generation=generation.name,
    )


def prove(converted: Converted) -> "Tensor":
    """Raises WeightTransferError unless the readable module and the normal form agree bit for
    bit on seeded images, N, H, W, C, and InvalidModel where nothing can be compared: the file's
    weights give no numbers. Returns the images.
    """
    import torch

    assert converted.recognition is not None
    graph, spec = converted.recognition.normal, converted.recognition.spec
    check_finite(converted.graph)
    shape = (PROOF_IMAGES, *graph.tensors[graph.inputs[0]].shape[1:])
    images = np.random.Generator(np.random.PCG64(PROOF_SEED)).uniform(*spec.value_range, shape)
    nhwc = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad(), one_torch_thread():
        expected = converted.normal(nhwc)
        found = converted.module(nhwc.permute(0, 3, 1, 2).contiguous())
    for name, reference in zip(converted.outputs, expected, strict=True):
        value = getattr(found, name)
        if not torch.isfinite(reference).all():
            raise InvalidModel(
                f"{graph.source}: its weights are so large that {name} is not finite; "
                "fetch the file again"
            )
        if value.shape != reference.shape or not torch.equal(value, reference):
            raise WeightTransferError(
                f"{graph.source}: the readable module's {name} differ from the graph's; "
                "this is a fault of the recognition, not of the file"
            )
    return nhwc


def check_finite(graph: Graph) -> None:
    """Raises InvalidModel that names the first weight with a NaN or an infinity."""
    for tensor in graph.constants():
        data = tensor.data
        if data is not None and data.dtype.kind == "f" and not np.isfinite(data).all():
            count = int(data.size - np.isfinite(data).sum())
            raise InvalidModel(
                f"{graph.source}: the weight {tensor} has {count} of {data.size} values that are "
                "not finite; the file is damaged, fetch it again"
            )


def convert(
    source: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    generation: str | None = None,
    coreml: CoreMLOptions | None = CoreMLOptions(),  # noqa: B008, it is frozen
    notice: Notice = warn,
    on_failure: OnFailure | None = None,
) -> list[Path]:
    """Writes the artifacts of a release, a `.tflite` file or each model of a bundle.

    `output` is the folder to make (for a bundle of several, the parent of one a model); by
    default the release's name, here. An existing folder is refused unless `force`, and then
    replaced only if it is empty or one of ours. Nothing is written unless all of it can be.
    `generation` names the registry's entry for what files do not hold (value range,
    thresholds); by default the release's own, or the newest for an unknown file. `coreml`
    says how the Core ML package is written; None leaves it out. A graph of no known family
    has the raw face only. With `on_failure`, a member of a bundle that cannot be read or
    converted is told to it, and the others are converted; without, it is raised, and nothing is
    written.
    Returns the folders.
    """
    from blazepalm.converter.artifacts import write_artifacts
    from blazepalm.converter.loading import owned_files

    if coreml is not None and not isinstance(coreml, CoreMLOptions):
        raise TypeError(f"coreml is {type(coreml).__name__}, expected CoreMLOptions or None")
    if coreml is not None:
        need_coremltools("writing a Core ML package", "leave it out (--no-coreml, coreml=None)")
    read = read_members(resolve(str(source)))
    if on_failure is None or not read.is_bundle:
        on_failure = _raise
    for failure in read.failures:
        on_failure(failure)
    if note := left_out(read.contents):
        notice(note)
    several = len(read.graphs) + len(read.failures) > 1
    if output is None:
        release = None if several else release_of(read.graphs[0])
        output = release.name if release else Path(str(source).rpartition(":")[2]).stem
    parent = Path(output)
    names = folder_names(read.file, [graph.source for graph in read.graphs])
    folders = [parent / name for name in names] if several else [parent]
    for folder in folders:
        check_folder(folder, owned=owned_files, force=force)
    converted = []
    for graph, folder in zip(read.graphs, folders, strict=True):
        try:
            converted.append((convert_graph(graph, notice, generation), folder))
        except BlazePalmError as error:
            on_failure(error)
    written = []
    with ExitStack() as whole:  # all folders appear at the end, or none
        for model, folder in converted:
            try:
                with ExitStack() as own:
                    place = own.enter_context(atomic_folder(folder, owned=owned_files, force=force))
                    write_artifacts(model, place, _coreml_for(model, coreml, notice))
                    whole.push(own.pop_all())
            except ArtifactError:
                raise  # of the disk: it will have no room for the others either
            except BlazePalmError as error:
                on_failure(error)
                continue
            written.append(folder)
    return written


def _raise(error: BlazePalmError) -> None:
    raise error


def _coreml_for(
    model: Converted, options: CoreMLOptions | None, notice: Notice
) -> CoreMLOptions | None:
    """The options, with the raw face where the model has no other."""
    if options is None or model.recognition is not None or options.face == "raw":
        return options
    notice(f"{model.graph.source}: the Core ML package gets the raw face: no family is known")
    return replace(options, face="raw")


def folder_names(file: str, sources: Sequence[str]) -> list[str]:
    """A folder name a member: `x.task:hand_detector.tflite` → `hand_detector`; its whole way in
    the bundle where two members would have the same. Raises ArtifactError where a member's name
    gives none, or two still have one.
    """
    short = [Path(source.rpartition(":")[2]).stem for source in sources]
    counts = Counter(_folded(name) for name in short)
    long = [_joined(source.removeprefix(f"{file}:")) for source in sources]
    names = [a if counts[_folded(a)] == 1 else b for a, b in zip(short, long, strict=True)]
    for source, name in zip(sources, names, strict=True):
        if name.strip(". ") == "":
            raise ArtifactError(f"{source}: no folder can be called {name!r}; rename the member")
    if len({_folded(name) for name in names}) < len(names):
        raise ArtifactError(f"{file}: two members would go to one folder; name one of them")
    return names


def _folded(name: str) -> str:
    """Some disks take `Hand` and `hand` for one, and some an accent written in either way."""
    return normalize("NFC", name).casefold()


def _joined(path: str) -> str:
    """`a.task:b/m.tflite` → `a-b-m`."""
    return "-".join(Path(part).stem for part in path.replace("/", ":").split(":"))
