"""A converted model → the bytes of an ExecuTorch program (`.pte`), PyTorch's runtime for phones.

The program takes one image, (1, 3, H, W) float32 in the release's range (what a graph of no known
family takes, as the file has it), and returns the file's outputs that the module has, in the
order of its fields. XNNPACK's kernels compute it.
"""

import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

from blazepalm.converter.coreml.quiet import hushed
from blazepalm.errors import CouldNotVerify

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.converted import Converted


def missing_executorch() -> str | None:
    """How to install ExecuTorch, or None if it is installed. Does not import it."""
    if importlib.util.find_spec("executorch") is not None:
        return None
    return "ExecuTorch is not installed; install it with: pip install 'blazepalm[executorch]'"


def need_executorch() -> None:
    """Raises CouldNotVerify without ExecuTorch."""
    if (reason := missing_executorch()) is not None:
        raise CouldNotVerify(reason)


def pte_outputs(model: "Converted") -> tuple[int, ...]:
    """For each of the program's outputs, its place among the file's outputs."""
    if model.recognition is None:
        return tuple(range(len(model.outputs)))
    fields = _fields(model.module)
    return tuple(model.outputs.index(name) for name in fields if name in model.outputs)


def export_pte(model: "Converted") -> bytes:
    """The program's bytes. Raises CouldNotVerify without ExecuTorch."""
    need_executorch()
    with hushed("torchao", "torch.utils._pytree"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and ExecuTorch's, about each other
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        lowered = to_edge_transform_and_lower(_program(model), partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)


def _program(model: "Converted") -> Any:
    import torch

    shape = model.graph.tensors[model.graph.inputs[0]].shape
    if model.recognition is not None:
        shape = (1, shape[3], shape[1], shape[2])
    program = torch.export.export(_outputs_of(model.module), (torch.zeros(shape),), strict=False)
    _keep_pooled_axes(program)
    return program


def _fields(module: "nn.Module") -> tuple[str, ...]:
    """The names of what `forward` returns: a landmark model lacks some of its tuple's fields."""
    from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
    from blazepalm.models.palm_detector import PalmOutput

    if isinstance(module, HandLandmarks):
        return tuple(name for name in HandOutput._fields if name in module.heads)
    return PalmOutput._fields


def _outputs_of(module: "nn.Module") -> "nn.Module":
    """The module with a plain tuple of outputs, in evaluation mode."""
    from torch import Tensor, nn

    class Outputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, image: Tensor) -> tuple[Tensor, ...]:
            return tuple(value for value in self.module(image) if value is not None)

    return Outputs().eval()


def _keep_pooled_axes(program: Any) -> None:
    """Makes each mean over height and width keep its axes, and drops them after it: the XNNPACK
    delegate takes no other mean.
    """
    import torch

    aten = torch.ops.aten
    graph: torch.fx.Graph = program.graph
    for node in list(graph.nodes):
        if node.target is not aten.mean.dim or len(node.args) > 2 or node.kwargs:
            continue
        value = node.meta["val"]
        with graph.inserting_after(node):
            flat = graph.call_function(aten.view.default, (node, list(value.shape)))
        flat.meta = dict(node.meta)
        node.replace_all_uses_with(flat, delete_user_cb=lambda user, own=flat: user is not own)
        node.args = (*node.args, True)
        node.meta["val"] = value.unsqueeze(-1).unsqueeze(-1)
    program.graph_module.recompile()
