"""A face → a torch module that computes each call in the precision of a Core ML package's
operation, so that `torch.export` sees a mixed float16 program.

Core AI's optimiser multiplies a constant factor for each channel into the weights of a convolution
before it. It would compute every convolution before a PReLU twice, with weights that the file does
not have; hence PReLU is written as max(x, 0) + alpha · min(x, 0), which has the same bits.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.fx.node import map_arg

from blazepalm.converter.coreml.trace import Traced, function_name, parameters

HALF_MAX = 65504.0  # the largest float16
MOVES = {"cat", "reshape", "flatten", "unflatten", "permute", "contiguous"}  # they compute nothing


class Mixed(nn.Module):
    """Calls the functions of a trace one after the other: the face's inputs (float32) → its outputs
    (float32). `precision`: "fp32", or "fp16", where the nodes in `traced.single` and those that
    read a constant too large for float16 compute in float32.
    """

    def __init__(self, traced: Traced, precision: str) -> None:
        super().__init__()
        self.traced = traced
        self.dtypes: dict[Node, torch.dtype] = {}
        self.names: dict[tuple[str, torch.dtype], str] = {}
        for node in traced.graph.nodes:
            single = precision == "fp32" or node in traced.single or node.op == "output"
            read = [traced.constants(key).detach() for key in parameters(node)]
            half = not single and all(map(fits_half, read))
            self.dtypes[node] = dtype = torch.float16 if half else torch.float32
            for key, value in zip(parameters(node), read, strict=True):
                if (key, dtype) not in self.names:
                    self.names[key, dtype] = name = f"c{len(self.names)}"
                    floating = value.is_floating_point()
                    self.register_buffer(name, value.to(dtype).clone() if floating else value)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        values: dict[Node, Any] = {}
        given = iter(inputs)
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(given)
            elif node.op == "output":
                found = map_arg(node.args[0], lambda n: self._read(n, values, torch.float32))
                return tuple(value.contiguous() for value in found)
            elif node.op != "get_attr":
                values[node] = self._call(node, values)
        raise AssertionError("a trace ends with its outputs")

    def _call(self, node: Node, values: Mapping[Node, Any]) -> Any:
        dtype = self._dtype(node, values)
        arguments: Any = (node.args, dict(node.kwargs))
        args, kwargs = map_arg(arguments, lambda n: self._read(n, values, dtype))
        if function_name(node) == "prelu":
            return prelu(*args, **kwargs)
        if node.op == "call_method":
            first, *rest = args
            return getattr(first, str(node.target))(*rest, **kwargs)
        assert callable(node.target)
        return node.target(*args, **kwargs)

    def _read(self, node: Node, values: Mapping[Node, Any], dtype: torch.dtype) -> Any:
        if node.op == "get_attr":
            return getattr(self, self.names[str(node.target), dtype])
        value = values[node]
        if not isinstance(value, Tensor) or not value.is_floating_point() or value.dtype == dtype:
            return value
        return value.to(dtype)

    def _dtype(self, node: Node, values: Mapping[Node, Any]) -> torch.dtype:
        """What the node computes in: float32 if it only moves float32 values."""
        if function_name(node) in MOVES:
            read = [values.get(source) for source in node.all_input_nodes]
            if all(isinstance(x, Tensor) and x.dtype == torch.float32 for x in read):
                return torch.float32
        return self.dtypes[node]


def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """`torch.prelu` for a slope of each channel, axis 1."""
    alpha = alpha.reshape(-1, *(1,) * (x.dim() - 2))
    return torch.relu(x) + alpha * torch.clamp(x, max=0)


def fits_half(value: Tensor) -> bool:
    """Whether every finite number fits float16."""
    if not value.is_floating_point():
        return True
    finite = value[value.isfinite()]
    return not finite.numel() or float(finite.abs().max()) <= HALF_MAX
