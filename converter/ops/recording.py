"""The torch side of a module under construction: an fx graph, and the parameters that its nodes
name. This module knows nothing about TFLite.

Recording is done by `torch.fx.Proxy`, which responds to every torch function like the tensor that
it stands for, and which the type checker treats as one.
"""

from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.proxy import GraphAppendingTracer, Proxy

M = TypeVar("M", bound=GraphModule)


def node_of(proxy: Tensor) -> Node:
    """The node that records `proxy`."""
    return cast(Proxy, proxy).node


class Recorder:
    """Keys are `<owner>.<name>`; a name already taken gets a number."""

    def __init__(self) -> None:
        self.root = nn.Module()
        self.fx = torch.fx.Graph()
        self.indices: list[str] = []  # keys of the buffers that are part of the code
        self._tracer = GraphAppendingTracer(self.fx)

    def placeholder(self, name: str) -> Tensor:
        return self._proxy(self.fx.placeholder(name))

    def parameter(self, owner: str, name: str, values: np.ndarray) -> tuple[Tensor, str]:
        """A parameter that holds a copy of `values`, and its key."""
        module, name = self._owner(owner, name)
        data = torch.from_numpy(np.array(values, order="C"))
        module.register_parameter(name, nn.Parameter(data))
        return self._proxy(self.fx.get_attr(f"{owner}.{name}")), f"{owner}.{name}"

    def index(self, owner: str, name: str, values: np.ndarray) -> Tensor:
        """A vector of indices: part of the code, not of the state_dict."""
        module, name = self._owner(owner, name)
        module.register_buffer(name, torch.from_numpy(values.astype(np.int64)))
        self.indices.append(f"{owner}.{name}")
        return self._proxy(self.fx.get_attr(f"{owner}.{name}"))

    def module(self, outputs: tuple[Tensor, ...], kind: type[M]) -> M:
        """The finished module of class `kind`, without anything that no output needs."""
        self.fx.output(tuple(node_of(proxy) for proxy in outputs))
        self.fx.eliminate_dead_code()
        module = kind(self.root, self.fx, class_name=kind.__name__)
        left = {node.target for node in self.fx.nodes if node.op == "get_attr"}
        for key in self.indices:
            if key in left:
                owner, _, name = key.rpartition(".")
                holder = module.get_submodule(owner)
                holder.register_buffer(name, holder.get_buffer(name), persistent=False)
        module.eval()
        return module

    def _owner(self, owner: str, name: str) -> tuple[nn.Module, str]:
        if not hasattr(self.root, owner):
            self.root.add_module(owner, nn.Module())
        module = self.root.get_submodule(owner)
        taken = sum(True for _ in module.named_parameters()) + len(dict(module.named_buffers()))
        return module, f"{name}{taken}" if hasattr(module, name) else name

    def _proxy(self, node: Node) -> Tensor:
        return cast(Tensor, Proxy(node, self._tracer))
