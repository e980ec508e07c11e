"""A converted model → the bytes of an ExecuTorch program (`.pte`), PyTorch's runtime for phones.

The program takes one image, (1, 3, H, W) float32 in the release's range (what a graph of no known
family takes, as the file has it), and returns the file's outputs that the module has, in the
order of its fields. Its delegate is XNNPACK, which computes on any phone's CPU and gives the same
bytes for the same model, or Core ML for Apple's devices, in float32 (a program has no mixed
precision, and float16 throughout harms some releases), with random identifiers inside.
"""

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from blazepalm.converter.coreml.needed import need_coremltools
from blazepalm.converter.coreml.quiet import hushed
from blazepalm.errors import ArtifactError, BlazePalmError, first_line, unknown_name

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.converted import Converted

NOISY = (
    "coremltools",
    "executorch.backends.apple.coreml.compiler.coreml_preprocess",
    "torch.utils._pytree",
    "torchao",
)
Shapes = tuple[tuple[int, ...], ...]

DELEGATES = XNNPACK, CORE_ML = "xnnpack", "coreml"


def check_delegate(delegate: str) -> None:
    """Raises ArtifactError for an unknown delegate."""
    if delegate not in DELEGATES:
        raise ArtifactError(unknown_name("ExecuTorch delegate", delegate, DELEGATES))


def missing_executorch() -> str | None:
    """How to install ExecuTorch, or None if it is installed. Does not import it."""
    if importlib.util.find_spec("executorch") is not None:
        return None
    return "ExecuTorch is not installed; install it with: pip install 'blazepalm[executorch]'"


def need_executorch() -> None:
    """Raises BlazePalmError without ExecuTorch."""
    if (reason := missing_executorch()) is not None:
        raise BlazePalmError(reason)


@contextmanager
def quiet() -> Iterator[None]:
    """Drops what ExecuTorch, torch and torchao say about each other when they are imported or make
    a program.
    """
    with hushed(*NOISY), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pte_outputs(model: "Converted") -> tuple[int, ...]:
    """For each of the program's outputs, its place among the file's outputs."""
    if model.recognition is None:
        return tuple(range(len(model.outputs)))
    fields = output_fields(model.module)
    return tuple(model.outputs.index(name) for name in fields if name in model.outputs)


def export_pte(model: "Converted", delegate: str = XNNPACK) -> bytes:
    """The program's bytes, lowered anew. Raises as `lower` does."""
    return lower(pte_module(model), input_shapes(model), model.graph.source, delegate)


def pte_module(model: "Converted") -> "nn.Module":
    """What a program is made of: the readable module, of a gesture network the generic one, which
    takes all of the file's inputs.
    """
    return model.module if model.gesture is None else model.generic


def input_shapes(model: "Converted") -> Shapes:
    """What the module takes: (1, 3, H, W), or a graph's own inputs where no family is known. Raises
    ArtifactError for an input that is not float32.
    """
    inputs = [model.graph.tensors[t] for t in model.graph.inputs]
    for tensor in inputs:
        if tensor.dtype != "float32":
            raise ArtifactError(
                f"{model.graph.source}: input {tensor} is {tensor.dtype}; an ExecuTorch program "
                "is written for float32 inputs only"
            )
    if model.recognition is None:
        return tuple(tensor.shape for tensor in inputs)
    _, height, width, channels = inputs[0].shape
    return ((1, channels, height, width),)


def lower(module: "nn.Module", shapes: Shapes, source: str, delegate: str = XNNPACK) -> bytes:
    """The program of a module for inputs of these shapes; `source` is the model's name in messages.
    Takes about ten seconds (`converter.pte_cache` keeps it).

    Raises BlazePalmError without ExecuTorch, ArtifactError for an unknown delegate or one that
    cannot take the module.
    """
    check_delegate(delegate)
    need_executorch()
    if delegate == CORE_ML:
        need_coremltools("lowering for Core ML", "choose the delegate xnnpack")
    with quiet():
        from executorch.exir import to_edge_transform_and_lower

        partitioner = _core_ml() if delegate == CORE_ML else _xnnpack()
        try:
            program = exported(module, shapes)
            _keep_pooled_axes(program)
            lowered = to_edge_transform_and_lower(program, partitioner=[partitioner])
            return bytes(lowered.to_executorch().buffer)
        except Exception as error:  # whatever torch.export, Core ML Tools and ExecuTorch raise
            raise ArtifactError(
                f"{source}: ExecuTorch cannot lower it for {delegate}: {first_line(error)}"
            ) from error


def exported(module: "nn.Module", shapes: Shapes) -> Any:
    """The module as torch exports it, with a plain tuple of outputs."""
    import torch

    given = tuple(torch.zeros(shape) for shape in shapes)
    return torch.export.export(plain_outputs(module), given, strict=False)


def _xnnpack() -> Any:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    return XnnpackPartitioner()


def _core_ml() -> Any:
    import coremltools
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    options = CoreMLBackend.generate_compile_specs(
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
    )
    return CoreMLPartitioner(compile_specs=options)


def output_fields(module: "nn.Module") -> tuple[str, ...]:
    """The names of what `forward` returns: a landmark model lacks some of its tuple's fields."""
    from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
    from blazepalm.models.palm_detector import PalmOutput

    if isinstance(module, HandLandmarks):
        return tuple(name for name in HandOutput._fields if name in module.heads)
    return PalmOutput._fields


def plain_outputs(module: "nn.Module") -> "nn.Module":
    """The module with a plain tuple of outputs, in evaluation mode."""
    from torch import Tensor, nn

    class Outputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
            return tuple(value for value in self.module(*inputs) if value is not None)

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
