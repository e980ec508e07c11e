"""Where it first goes wrong inside a model: every layer across LiteRT, torch and the Core ML
program, by its cumulative and its *local* error.

The local error of a layer is what it does wrong given the reference's own input: a run in which
every layer's result, once compared, is replaced by LiteRT's. Both errors are told in multiples
of what float32 costs LiteRT on that very layer (its distance from the same arithmetic in
float64). The culprit is the first layer with a high local error, named in all three
vocabularies: TFLite operator and tensor, torch module, MIL operation.

Which torch call and which MIL operation is which TFLite operator is found by value: on seeded
noise the unharmed modules give the same bits.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.cases import Case, noise
from blazepalm.reports.policy import LIMITS
from blazepalm.reports.rows import FAIL, NOT_MAPPED, PASS
from blazepalm.reports.subject import MIL, TFLITE, TORCH, Subject
from blazepalm.reports.unit import Group

if TYPE_CHECKING:
    import torch
    from torch import nn

    from blazepalm.converter.coreml.trace import Traced
    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.reports.backends.mil import Program

Layers = dict[int, np.ndarray]  # TFLite tensor → its value, in TFLite's axis order
Named = dict[str, np.ndarray]

Candidate = tuple["Traced", "nn.Module"]  # calls, and the module that they are of

JOIN_SEED = 20201104


@dataclass(frozen=True)
class Joined:
    """For each TFLite tensor that an operator makes: the torch call's name in the trace, the
    module that holds the operator's weights (else the call's place), and the name of the MIL
    value; None where there is none of its own.
    """

    operator: int
    tensor: int
    node: str | None
    module: str | None
    mil: str | None


@dataclass(frozen=True)
class LayerError:
    """In multiples of float32's cost on that layer; None where it could not be compared."""

    cumulative: float | None
    local: float | None
    status: str


@dataclass(frozen=True)
class Culprit:
    """The first layer with a high local error, in all three vocabularies."""

    op: int
    operator: str
    tensor: str
    module: str | None
    mil: str | None
    local: float


def join(subject: Subject, program: "Program | None") -> tuple[Joined, ...]:
    """Finds each TFLite tensor among the values of the torch module and the MIL program."""
    graph, converted = subject.converted.graph, subject.converted
    tensor = noise(subject.input_shape, subject.value_range, JOIN_SEED, 0)
    lowered = run_lowered(converted.generic, tensor)
    traced, face = trace_subject(subject)
    nodes = _by_digest(run_traced(traced, face, tensor))
    places = {node.name: path for node, path in traced.paths.items()}
    modules = converted.recognition.modules if converted.recognition else {}
    values = _by_digest({} if program is None else run_program(program, tensor))
    found = []
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in lowered:
                continue
            key = _digest(planes(lowered[index]))
            node = nodes[key].pop(0) if nodes.get(key) else None
            mil = values[key].pop(0) if values.get(key) else None
            place = modules.get(operator.index) or (None if node is None else places.get(node))
            found.append(Joined(operator.index, index, node, place, mil))
    return tuple(found)


def compare_layers(
    subject: Subject,
    joined: tuple[Joined, ...],
    image: np.ndarray,
    reference: Layers,
    *,
    program: "Program | None" = None,
    candidate: "Candidate | None" = None,
) -> dict[str, Any]:
    """The report's `layers` of one model on one (1, H, W, C) input, without the case's name.

    `reference`: LiteRT's value of every tensor on it. `candidate`: in place of the subject's own
    readable module.
    """
    converted = subject.converted
    double = run_lowered(converted.generic, image, double=True)
    exact = run_lowered(converted.generic, image, double=True, given=reference)
    traced, face = candidate or trace_subject(subject)
    given = {j.node: planes(reference[j.tensor]) for j in joined if j.node in traced_names(traced)}
    found: dict[str, tuple[Named, Named, Callable[[Joined], str | None]]] = {
        TORCH: (
            run_traced(traced, face, image),
            run_traced(traced, face, image, given),
            lambda j: j.node,
        )
    }
    if program is not None:
        replaced = {j.mil: planes(reference[j.tensor]) for j in joined if j.mil is not None}
        own, alone = (run_program(program, image, values) for values in (None, replaced))
        found[MIL] = (own, alone, lambda j: j.mil)
    rows = []
    culprits: dict[str, Culprit | None] = dict.fromkeys(found)
    names = {tensor.index: tensor.name for tensor in converted.graph.tensors}
    operators = {operator.index: operator.name for operator in converted.graph.operators}
    for j in joined:
        if j.tensor not in reference:
            continue
        errors = {}
        for backend, (own, alone, name_of) in found.items():
            name = name_of(j)
            errors[backend] = LayerError(None, None, NOT_MAPPED)
            if name is None or name not in own or name not in alone:
                continue
            cumulative = _multiple(own[name], double[j.tensor], reference[j.tensor])
            local = _multiple(alone[name], exact[j.tensor], reference[j.tensor])
            good = local is not None and local <= LIMITS.float32_multiple
            errors[backend] = LayerError(cumulative, local, PASS if good else FAIL)
            if not good and culprits[backend] is None:
                culprits[backend] = Culprit(
                    op=j.operator,
                    operator=operators[j.operator],
                    tensor=names[j.tensor],
                    module=j.module,
                    mil=j.mil,
                    local=float("inf") if local is None else local,
                )
        rows.append(
            {
                "op": j.operator,
                "operator": operators[j.operator],
                "tensor": names[j.tensor],
                "shape": list(reference[j.tensor].shape),
                "module": j.module,
                "mil": j.mil,
                "backends": errors,
            }
        )
    return {"reference": "tflite", "rows": rows, "culprits": culprits}


def layers_of(group: Group, subject: Subject, content: bytes, case: Case | None) -> dict[str, Any]:
    """The report's `layers` of one model on one case: the letterboxed image of a detector, the
    first hand's crop of a landmark model, noise where there is neither. `content`: its file.
    """
    from blazepalm.reports.backends.executed import Executed
    from blazepalm.reports.backends.litert_layers import LayerReader
    from blazepalm.reports.backends.rewrite import without_custom_operators

    source = subject.converted.graph.source
    executed = subject.backends.get(MIL)
    program = executed.package.program if isinstance(executed, Executed) else None
    image = None if case is None or case.image is None else network_input(group, subject, case)
    name = "noise" if image is None or case is None else case.name
    if image is None:
        image = noise(subject.input_shape, subject.value_range, JOIN_SEED, 1)
    reference = LayerReader(without_custom_operators(content, source).content, source).read(image)
    found = compare_layers(subject, join(subject, program), image, reference, program=program)
    return {"case": name, **found}


def network_input(group: Group, subject: Subject, case: Case) -> np.ndarray | None:
    """What a network of a group is fed of an image; None where its detector sees no hand."""
    assert case.image is not None and group.palm is not None
    palm = group.palm.palm_chain(TFLITE)
    tensor, box = palm.prepare(case.image)
    if subject is group.palm:
        return tensor
    size = (case.image.shape[0], case.image.shape[1])
    regions = palm.locate(palm.suppress(palm.run(tensor), box), size)
    return subject.hand_chain(TFLITE).crop(case.image, regions[0])[0] if regions else None


def run_lowered(
    module: "LoweredGraph", image: np.ndarray, *, double: bool = False, given: Layers | None = None
) -> Layers:
    """Every tensor that an operator of the file makes, by the generic lowering in float32 or
    float64. With `given`, each is replaced by the given one once it is computed.
    """
    import copy

    import torch

    dtype = torch.float64 if double else torch.float32
    network = copy.deepcopy(module).double() if double else module
    marked = [node for node in network.graph.nodes if "tflite" in node.meta]
    places = {node.name: node.meta["tflite"][1] for node in marked}
    found: Layers = {}

    def seen(name: str, value: "torch.Tensor") -> "torch.Tensor | None":
        if name not in places:
            return None
        tensor = places[name]
        found[tensor] = rows_first(value.numpy()).copy()
        if given is None or tensor not in given or given[tensor].size != value.numel():
            return None
        return torch.from_numpy(planes(given[tensor])).reshape(value.shape).to(dtype)

    _interpret(network, (torch.from_numpy(image).to(dtype),), seen)
    return found


def run_traced(
    traced: "Traced", module: "nn.Module", image: np.ndarray, given: Named | None = None
) -> Named:
    """Every call of a traced face by its name in the trace, (1, H, W, C) in."""
    import torch
    from torch.fx import GraphModule

    found: Named = {}

    def seen(name: str, value: "torch.Tensor") -> "torch.Tensor | None":
        found[name] = value.numpy().copy()
        other = None if given is None else given.get(name)
        if other is None or other.size != value.numel():
            return None
        return torch.from_numpy(np.ascontiguousarray(other)).reshape(value.shape)

    _interpret(GraphModule(module, traced.graph), (torch.from_numpy(planes(image)),), seen)
    return found


def run_program(program: "Program", image: np.ndarray, given: Named | None = None) -> Named:
    """Every value of the MIL program of a raw package, by its name."""
    feature = program.inputs[0]
    feeds = [x for x in (planes(image), image) if feature.allows(x.shape)]
    return program.run({feature.name: feeds[0]}, intermediates=True, replace=given)


def traced_names(traced: "Traced") -> frozenset[str]:
    return frozenset(node.name for node in traced.graph.nodes)


def planes(value: np.ndarray) -> np.ndarray:
    """TFLite's axis order → torch's: channels first where there are rows and columns."""
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if value.ndim == 4 else value


def rows_first(value: np.ndarray) -> np.ndarray:
    """The inverse of `planes`."""
    return value.transpose(0, 2, 3, 1) if value.ndim == 4 else value


def trace_subject(subject: Subject) -> "Candidate":
    """The calls of the readable module as the raw face of a package makes them."""
    from blazepalm.converter.coreml.faces import face_module
    from blazepalm.converter.coreml.trace import trace

    face = face_module(subject.converted, "raw")
    return trace(face, subject.converted.graph), face


def _interpret(
    module: Any,
    inputs: tuple["torch.Tensor", ...],
    seen: "Callable[[str, torch.Tensor], torch.Tensor | None]",
) -> None:
    """Runs a traced module call by call; what `seen` returns takes the value's place."""
    import torch
    from torch.fx import Interpreter, Node

    class Run(Interpreter):
        def run_node(self, n: Node) -> Any:
            value = super().run_node(n)
            if isinstance(value, torch.Tensor) and n.op not in ("placeholder", "get_attr"):
                other = seen(n.name, value.detach())
                return value if other is None else other
            return value

    with torch.no_grad():
        Run(module).run(*inputs)


def _by_digest(values: Named) -> dict[str, list[str]]:
    """Names by what they hold, in the order in which it was computed."""
    found: dict[str, list[str]] = {}
    for name, value in values.items():
        found.setdefault(_digest(value), []).append(name)
    return found


def _digest(value: np.ndarray) -> str:
    """Of the bits in C order, whatever the shape: a reshape holds the same values."""
    return hashlib.sha256(np.ascontiguousarray(value, np.float32).tobytes()).hexdigest()


def _multiple(value: np.ndarray, exact: np.ndarray, reference: np.ndarray) -> float | None:
    """The largest error against float64 in multiples of LiteRT's, which is at least half the
    distance of float32 numbers at the peak. None where the values cannot be compared.
    """
    truth = planes(exact)
    if value.size != truth.size:
        return None
    error = np.abs(value.astype(np.float64).reshape(truth.shape) - truth)
    if not np.isfinite(error).all():
        return None
    peak = float(np.abs(truth).max(initial=0.0))
    cost = float(np.abs(reference.astype(np.float64) - exact).max(initial=0.0))
    floor = max(cost, float(np.spacing(np.float32(peak))) / 2)
    return float(error.max(initial=0.0)) / floor
