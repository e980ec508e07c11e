"""Keeps ExecuTorch programs, because lowering one takes ten seconds (`converter.program_cache`).

A program is found by everything that decides its bytes: the weights, the structure, the versions of
ExecuTorch and torch, and our own code.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from blazepalm.cache_file import code_sha256, key_of
from blazepalm.converter.program_cache import kept_program
from blazepalm.converter.pte import Shapes, input_shapes, lower, need_executorch, pte_module
from blazepalm.models.spec_json import spec_to_dict

if TYPE_CHECKING:
    from torch import nn

    from blazepalm.converter.converted import Converted

RUNTIME = "executorch"
DECIDING = ("executorch", "torch")


def cached_pte(model: "Converted", before: Callable[[], None] = lambda: None) -> bytes:
    """The program of a converted model for XNNPACK, from the cache if it is there; otherwise calls
    `before`, then lowers it. Raises as `converter.pte.lower` does.
    """
    source, shapes = model.graph.source, input_shapes(model)
    return cached_program(pte_module(model), shapes, structure_of(model), source, before)


def module_sha256(model: "Converted") -> str:
    """SHA-256 of all that decides what a converted model's module computes: structure, weights, and
    our code.
    """
    return key_of(
        {
            "shapes": input_shapes(model),
            "structure": structure_of(model),
            "code": _code(),
            "weights": weights_sha256(model.module),
        }
    )


def cached_program(
    module: "nn.Module",
    shapes: Shapes,
    structure: Mapping[str, Any],
    source: str,
    before: Callable[[], None] = lambda: None,
) -> bytes:
    """The same for a module of this structure (plain values) that takes inputs of these shapes."""
    need_executorch()

    def make() -> bytes:
        before()
        return lower(module, shapes, source)

    key = module_key(module, shapes, structure, DECIDING)
    return kept_program(RUNTIME, key, make)


def module_key(
    module: "nn.Module",
    shapes: Shapes,
    structure: Mapping[str, Any],
    distributions: Iterable[str],
    *code: str,
) -> str:
    """The key of what these distributions make of a module of this structure (plain values) for
    inputs of these shapes. `code`: files of ours that decide, besides the converter and the models.
    """
    key = key_of(
        {
            "shapes": shapes,
            "structure": structure,
            "versions": {name: version(name) for name in distributions},
            "code": _code(*code),
            "weights": weights_sha256(module),
        }
    )
    return key[:32]


def weights_sha256(module: "nn.Module") -> str:
    """SHA-256 of a module's state_dict: names, dtypes, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def structure_of(model: "Converted") -> dict[str, Any]:
    """The structure of a model's module, without its weights, as plain values."""
    from blazepalm.converter.graph_json import graph_to_dict

    if model.recognition is None:
        return graph_to_dict(model.graph)
    return spec_to_dict(model.recognition.spec)


def _code(*files: str) -> str:
    """SHA-256 of all code that decides what a module computes and how it is lowered."""
    return code_sha256("converter", "models", *files)
