"""A release, a file or a bundle → readable module, tensor map, proof, folder of artifacts.

The proof is the last step before anything is written: on seeded images the readable module
and the operator-by-operator lowering of the graph's normal form must give bitwise equal float32
outputs, and that the file's own graph (`converter.proof` says how closely).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blazepalm.converter.architecture import Recognition, examine
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.normal_form import channels_last
from blazepalm.converter.proof import Preserved, prove_normal_form
from blazepalm.converter.tflite import read, read_all
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.threads import one_torch_thread
from blazepalm.models.errors import ArtifactError, UnknownRelease, WeightTransferError
from blazepalm.models.releases import (
    Generation,
    Release,
    by_sha256,
    defaults,
    load_registry,
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
    release = by_sha256(graph.sha256)
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
    generations = load_registry().generations
    if name is not None:
        if name not in generations or generations[name].family != family:
            known = ", ".join(n for n, g in generations.items() if g.family == family)
            raise UnknownRelease(f"{name!r} is no {family} generation; there are {known}")
        return generations[name]
    if release is not None:
        return release.generation
    newest = defaults(family)
    notice(
        f"{graph.source}: not a known release; value range and thresholds are taken from the "
        f"newest generation, {newest.name}, unless --generation names another"
    )
    return newest


def with_release(spec: Spec, generation: Generation) -> Spec:
    """The spec with what the file does not hold: value range and thresholds."""
    if isinstance(spec, PalmDetectorSpec):
        return replace(
            spec,
            value_range=generation.value_range,
            score_threshold=generation.score_threshold,
            suppression_iou=generation.suppression_iou,
        )
    return replace(
        spec,
        value_range=generation.value_range,
        presence_threshold=generation.presence_threshold,
        z_scale=generation.normalize_z,
    )


def prove(converted: Converted) -> "Tensor":
    """Raises WeightTransferError unless the readable module and the normal form agree bit for
    bit on seeded images, N, H, W, C; returns these.
    """
    import torch

    assert converted.recognition is not None
    graph, spec = converted.recognition.normal, converted.recognition.spec
    shape = (PROOF_IMAGES, *graph.tensors[graph.inputs[0]].shape[1:])
    images = np.random.Generator(np.random.PCG64(PROOF_SEED)).uniform(*spec.value_range, shape)
    nhwc = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad(), one_torch_thread():
        expected = converted.normal(nhwc)
        found = converted.module(nhwc.permute(0, 3, 1, 2).contiguous())
    for name, reference in zip(converted.outputs, expected, strict=True):
        value = getattr(found, name)
        if value.shape != reference.shape or not torch.equal(value, reference):
            raise WeightTransferError(
                f"{graph.source}: the readable module's {name} differ from the graph's; "
                "this is a fault of the recognition, not of the file"
            )
    return nhwc


def convert(
    source: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    generation: str | None = None,
    coreml: CoreMLOptions | None = CoreMLOptions(),  # noqa: B008, it is frozen
    notice: Notice = warn,
) -> list[Path]:
    """Writes the artifacts of a release, a `.tflite` file or each model of a bundle.

    `output` is the folder to make (for a bundle of several, the parent of one a model); by
    default the release's name, here. An existing folder is refused unless `force`, and then
    replaced only if it is empty or one of ours. Nothing is written unless all of it can be.
    `generation` names the registry's entry for what files do not hold (value range,
    thresholds); by default the release's own, or the newest for an unknown file. `coreml`
    says how the Core ML package is written; None leaves it out. A graph of no known family
    has the raw face only.
    Returns the folders.
    """
    from blazepalm.converter.artifacts import check_destination, write

    graphs = read_all(resolve(str(source)))
    several = len(graphs) > 1
    if output is None:
        release = by_sha256(graphs[0].sha256)
        output = release.name if release and not several else Path(str(source)).stem
    parent = Path(output)
    folders = [parent / member_name(graph.source) if several else parent for graph in graphs]
    if len(set(folders)) < len(folders):
        raise ArtifactError(f"{source}: two models would go to one folder under {parent}")
    for folder in folders:
        check_destination(folder, force)
    converted = [convert_graph(graph, notice, generation) for graph in graphs]
    for model, folder in zip(converted, folders, strict=True):
        write(model, folder, force, _coreml_for(model, coreml, notice))
    return folders


def _coreml_for(
    model: Converted, options: CoreMLOptions | None, notice: Notice
) -> CoreMLOptions | None:
    """The options, with the raw face where the model has no other."""
    if options is None or model.recognition is not None or options.face == "raw":
        return options
    notice(f"{model.graph.source}: the Core ML package gets the raw face: no family is known")
    return replace(options, face="raw")


def member_name(source: str) -> str:
    """The folder name of a bundle's member: `x.task:hand_detector.tflite` → `hand_detector`."""
    return Path(source.rpartition(":")[2]).stem
