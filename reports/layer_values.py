"""Every value inside a model, by whoever computes it: the generic lowering, the torch calls of
the readable module, the MIL program of a saved package.

Each can be run with its results replaced, layer by layer, by given ones as soon as they are
computed, so that every layer works on the reference's input. Values are in torch's axis order
(channels first) but for the lowering's, which are in TFLite's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.subject import Subject

if TYPE_CHECKING:
    import torch
    from torch import nn

    from blazepalm.converter.coreml.trace import Traced
    from blazepalm.converter.lowering import LoweredGraph
    from blazepalm.reports.backends.mil import Program

Layers = dict[int, np.ndarray]  # TFLite tensor → its value, in TFLite's axis order
Named = dict[str, np.ndarray]

Candidate = tuple["Traced", "nn.Module"]  # calls, and the module that they are of


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

    from blazepalm.converter.lowering import LoweredGraph

    found: Named = {}
    # a graph of no known family is its own face, and takes what the file takes
    fed = image if isinstance(module, LoweredGraph) else planes(image)

    def seen(name: str, value: "torch.Tensor") -> "torch.Tensor | None":
        found[name] = value.numpy().copy()
        other = None if given is None else given.get(name)
        if other is None or other.size != value.numel():
            return None
        return torch.from_numpy(np.ascontiguousarray(other)).reshape(value.shape)

    _interpret(GraphModule(module, traced.graph), (torch.from_numpy(fed),), seen)
    return found


def run_program(program: "Program", image: np.ndarray, given: Named | None = None) -> Named:
    """Every value of the MIL program of a raw package, by its name, in execution order."""
    feature = program.inputs[0]
    feeds = [x for x in (planes(image), image) if feature.allows(x.shape)]
    found = program.run({feature.name: feeds[0]}, intermediates=True, replace=given)
    return {name: found[name] for name in program.plan().slots if name in found}


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
