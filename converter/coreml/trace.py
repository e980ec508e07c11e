"""A face → the list of torch functions that it calls (`torch.fx`), each with the module that calls
it and the precision it needs.

A graph of no known family already is such a list: the lowering records it. Both consist of torch
functions and tensor methods, never of whole layers, so one table of emitters serves both, and
the two can be compared node by node.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx import Graph, Node, Tracer
from torch.fx.proxy import Proxy

from blazepalm.converter.coreml.faces import Face
from blazepalm.converter.lowering import LoweredGraph
from blazepalm.models.layers import image_batch

if TYPE_CHECKING:
    from blazepalm.converter.tflite.graph import Graph as TFLiteGraph

NETWORK = "network"  # a face's attribute
WEIGHING = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@dataclass(frozen=True)
class Traced:
    """`source` is the file, `graph` the calls in order; `modules` gives the innermost module that
    makes each call, and `paths` the call's path in it, not always unique; `constants` reads the
    tensor of a `get_attr` node; the nodes in `single` compute in float32 in every package, and
    `precise` are the modules that contain them.
    """

    source: str
    graph: Graph
    modules: dict[Node, str]
    paths: dict[Node, str]
    constants: Callable[[str], Tensor]
    single: frozenset[Node]
    precise: tuple[str, ...]


class _FaceTracer(Tracer):
    """Goes into every module and records its parameters and buffers by name."""

    proxy_buffer_attributes = True

    def __init__(self, face: nn.Module) -> None:
        super().__init__(autowrap_functions=(image_batch,))
        self.tensors: dict[int, str] = {}
        for name, tensor in (*face.named_parameters(), *face.named_buffers()):
            self.tensors[id(tensor)] = name
        self.places: dict[int, str] = {id(m): name for name, m in face.named_modules()}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return False

    def path_of_module(self, mod: nn.Module) -> str:
        return self.places[id(mod)]

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Proxy]) -> Any:
        name = self.tensors.get(id(attr_val)) if isinstance(attr_val, Tensor) else None
        if name is None:
            return attr_val
        if name not in parameter_proxy_cache:
            parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {})
        return parameter_proxy_cache[name]


def trace(face: nn.Module, file: "TFLiteGraph") -> Traced:
    """The calls of a face from `faces.face_module`, or of the lowered `file`.

    Must not run while another thread traces or runs a module: torch.fx patches nn.Module for all.
    """
    if isinstance(face, LoweredGraph):
        owners = _owners(face, file)
        places = _places(face, owners)
        return Traced(file.source, face.graph, owners, places, _reader(face), frozenset(), ())
    assert isinstance(face, Face)
    with torch.no_grad():
        graph = _FaceTracer(face).trace(face)
    layers = dict(face.named_modules())
    precise = tuple(path for path, layer in layers.items() if layer in face.single)
    inside = tuple(f"{path}." for path in precise)
    modules, paths, single = {}, {}, set()
    for node in graph.nodes:
        module = _module(node)
        if f"{module}.".startswith(inside):
            single.add(node)
        modules[node] = in_network(module)
        paths[node] = in_network(_path(node, module, layers))
    return Traced(
        file.source,
        graph,
        modules,
        paths,
        _reader(face),
        frozenset(single),
        tuple(in_network(path) for path in precise),
    )


def in_network(path: str) -> str:
    """A path relative to the face → the same relative to the network."""
    while path == NETWORK or path.startswith(f"{NETWORK}."):
        path = path.removeprefix(NETWORK).removeprefix(".")
    return path


def function_name(node: Node) -> str:
    """The function that a node calls, by its torch name: `max_pool2d`, `add`, `reshape`."""
    if isinstance(node.target, str):
        return node.target
    if node.target is F.max_pool2d:  # its own name is a dispatcher's
        return "max_pool2d"
    return str(getattr(node.target, "__name__", node.target))


def parameters(node: Node) -> list[str]:
    """The state_dict keys of the tensors that a node reads."""
    return [str(source.target) for source in node.all_input_nodes if source.op == "get_attr"]


def _module(node: Node) -> str:
    """The path of the innermost module that calls a node, relative to the face."""
    stack = node.meta.get("nn_module_stack")
    return str(next(reversed(stack.values()))[0]) if stack else ""


def _path(node: Node, module: str, modules: Mapping[str, nn.Module]) -> str:
    """A layer's path stands for its main operation; other calls append the function's name."""
    if node.op not in ("call_function", "call_method"):
        return str(node.target)
    layer = modules[module]
    weighs = f"{module}.weight" in parameters(node) and isinstance(layer, WEIGHING)
    if weighs or type(layer).__module__ == nn.ReLU.__module__:
        return module
    return f"{module}.{function_name(node)}".removeprefix(".")


def _owners(lowered: LoweredGraph, file: "TFLiteGraph") -> dict[Node, str]:
    """The operator that each call belongs to, as `op017_prelu`: the one whose weights it uses,
    whose value it computes, or that reads its result.
    """
    names = {op.index: f"op{op.index:03d}_{op.name.lower()}" for op in file.operators}
    owners: dict[Node, str] = {}
    for node in reversed(lowered.graph.nodes):
        if weights := parameters(node):
            owners[node] = weights[0].partition(".")[0]
        elif "tflite" in node.meta:
            owners[node] = names[node.meta["tflite"][0]]
        else:
            owners[node] = next((owners[user] for user in node.users), "")
    return owners


def _places(lowered: LoweredGraph, owners: Mapping[Node, str]) -> dict[Node, str]:
    """The operator's name for the call that uses its weights, or else computes its value; helpers
    append the torch function's name.
    """
    places: dict[Node, str] = {}
    standing: set[str] = set()
    for node in lowered.graph.nodes:
        owner = owners[node]
        if node.op not in ("call_function", "call_method"):
            places[node] = str(node.target)
        elif owner not in standing and (parameters(node) or "tflite" in node.meta):
            standing.add(owner)
            places[node] = owner
        else:
            places[node] = f"{owner}.{function_name(node)}".removeprefix(".")
    return places


def _reader(module: nn.Module) -> Callable[[str], Tensor]:
    def read(key: str) -> Tensor:
        owner, _, name = key.rpartition(".")
        tensor = getattr(module.get_submodule(owner), name)
        assert isinstance(tensor, Tensor)
        return tensor.detach()

    return read
