"""Every value inside a model, computed by the generic lowering, by the torch calls of the readable
module, or by the MIL program of a saved package.

The inputs are those of the file, in its order and shapes. Each can run with every layer's result
replaced by a given one once it is computed, so that every layer works on the reference's input.
Values are in torch's axis order, channels first.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.backends.mil.accumulation import FLOAT32_SUMS
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.fx import Graph, GraphModule

    from blazepalm.converter.coreml.trace import Traced
    from blazepalm.reports.backends.coreai_layers import CoreAILayers
    from blazepalm.reports.backends.mil import Program

Layers = dict[int, np.ndarray]  # TFLite tensor → its value
Named = dict[str, np.ndarray]

Candidate = tuple["Traced", "nn.Module"]  # the calls, and their module


def run_lowered(
    module: "GraphModule", inputs: Sequence[np.ndarray], given: Layers | None = None
) -> Layers:
    """Every tensor that an operator of the file outputs, by the generic lowering, in the precision
    of `inputs`. `given` replaces each one once it is computed.
    """
    places = {n.name: n.meta["tflite"][1] for n in module.graph.nodes if "tflite" in n.meta}
    found: Layers = {}

    def seen(name: str, value: "torch.Tensor") -> np.ndarray | None:
        if name not in places:
            return None
        tensor = places[name]
        found[tensor] = value.numpy()
        return None if given is None else given.get(tensor)

    _interpret(module, module.graph, inputs, seen)
    return found


def run_traced(
    traced: "Traced",
    module: "nn.Module",
    inputs: Sequence[np.ndarray],
    given: Named | None = None,
) -> Named:
    """Every call of a traced face by its name in the trace."""
    from blazepalm.converter.lowering import LoweredGraph

    found: Named = {}
    # a graph of no known family has no other face, and takes the file's input
    fed = inputs if isinstance(module, LoweredGraph) else [planes(x) for x in inputs]

    def seen(name: str, value: "torch.Tensor") -> np.ndarray | None:
        found[name] = value.numpy()
        return None if given is None else given.get(name)

    _interpret(module, traced.graph, fed, seen)
    return found


def run_program(
    program: "Program",
    inputs: Sequence[np.ndarray],
    given: Named | None = None,
    accumulation: str = FLOAT32_SUMS,
) -> Named:
    """Every value of the MIL program of a raw package, by its name, in execution order.
    `accumulation`: how products are summed.
    """
    feeds = _feeds(program, inputs)
    found = program.run(feeds, intermediates=True, replace=given, accumulation=accumulation)
    slots = program.plan(accumulation=accumulation).slots
    return {name: found[name] for name in slots if name in found}


def run_core_ai(
    layers: "CoreAILayers", inputs: Sequence[np.ndarray], given: Named | None = None
) -> Named:
    """Values of the MIL program of a raw package by its names, read from Core AI. `given` must hold
    all of them or be None. Raises ProcessDied if Core AI fails.
    """
    return layers.run(_feeds(layers.program, inputs), given)


def _feeds(program: "Program", inputs: Sequence[np.ndarray]) -> Named:
    """The file's inputs by the program's names and in its axis order."""
    return {
        feature.name: next(x for x in (planes(value), value) if feature.allows(x.shape))
        for feature, value in zip(program.inputs, inputs, strict=True)
    }


def planes(value: np.ndarray) -> np.ndarray:
    """TFLite's axis order → torch's: channels first where there are rows and columns."""
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if value.ndim == 4 else value


def trace_subject(subject: Subject) -> "Candidate":
    """The readable module's calls, as in the raw face of a package."""
    from blazepalm.converter.coreml.faces import face_module
    from blazepalm.converter.coreml.trace import trace

    face = face_module(subject.converted, "raw")
    return trace(face, subject.converted.graph), face


def _interpret(
    module: "nn.Module",
    graph: "Graph",
    inputs: Sequence[np.ndarray],
    seen: "Callable[[str, torch.Tensor], np.ndarray | None]",
) -> None:
    """Runs the traced calls of a module one by one; what `seen` returns replaces the value, if it
    has as many numbers. (A GraphModule built from the calls would keep the frames it was built
    in, with all their values, until Python collects them.)
    """
    import torch
    from torch.fx import Interpreter, Node

    class Run(Interpreter):
        look: "Callable[[str, torch.Tensor], np.ndarray | None]"

        def run_node(self, n: Node) -> Any:
            value = super().run_node(n)
            if not isinstance(value, torch.Tensor) or n.op in ("placeholder", "get_attr"):
                return value
            other = self.look(n.name, value.detach())
            if other is None or other.size != value.numel():
                return value
            return torch.from_numpy(other).reshape(value.shape).to(value.dtype)

    run = Run(module, graph=graph)
    run.look = seen  # on the class it would keep every value until Python collects the class
    with torch.no_grad():
        run.run(*map(torch.from_numpy, inputs))
