"""What runs in the process that makes Core AI's programs: a saved Core ML package, or a module that
torch exported, becomes one (`converter.coreai.child`).

The executor's plan of a package is replayed as a torch module that `torch.export` can see. The
gap: the executor carries float16 values in float32 and rounds them, Core AI computes in float16.
So values that the package declares float16 are float16 here. An operation that mixes both types
computes in float32 and rounds, as the executor does.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.coreai.child import Exported, save_asset
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.mil.accumulation import FLOAT32_SUMS

Arrays = dict[str, np.ndarray]


def open_converter() -> Callable[[Arrays], Arrays]:
    """Converts one file after the other: takes the UTF-8 of the paths `origin` and `asset`. The
    program's function `main` has inputs `i0`, `i1`, … and outputs `o0`, `o1`, …. With `layers`, the
    UTF-8 of MIL names as JSON, it has the functions of `export_layers` instead.
    """
    import torch

    torch.set_num_threads(1)

    def convert(arrays: Arrays) -> Arrays:
        given = {name: value.tobytes().decode() for name, value in arrays.items()}
        origin, asset = Path(given["origin"]), Path(given["asset"])
        if "layers" in given:
            save_asset(export_layers(origin, json.loads(given["layers"])), asset)
            return {}
        exported = torch.export.load(origin) if origin.suffix == ".pt2" else export_package(origin)
        save_asset({"main": _numbered(exported)}, asset)
        return {}

    return convert


def _numbered(exported: Any) -> Exported:
    signature = exported.graph_signature
    inputs = [f"i{n}" for n in range(len(signature.user_inputs))]
    outputs = [f"o{n}" for n in range(len(signature.user_outputs))]
    return Exported(exported, inputs, outputs)


def export_layers(package: Path, names: list[str]) -> dict[str, Exported]:
    """Two functions that return the values of these MIL names: `cumulative` takes the package's
    inputs, `local` also what replaces each of the values once it is computed, in their order.
    """
    import torch

    plan, examples = _plan_of(package)
    replaced = []
    for name in names:
        type_ = plan.function.types[name]
        replaced.append(torch.zeros(type_.shape, dtype=_carrier(type_.dtype)))
    with torch.no_grad():
        return {
            "cumulative": _numbered(torch.export.export(_replay(plan, names), examples)),
            "local": _numbered(torch.export.export(_replay(plan, names), (*examples, *replaced))),
        }


def export_package(package: Path) -> Any:
    """The default function of a Core ML package as torch exports the executor's plan of it."""
    import torch

    plan, examples = _plan_of(package)
    with torch.no_grad():
        return torch.export.export(_replay(plan, plan.function.outputs), examples)


def _plan_of(package: Path) -> tuple[Any, tuple[Any, ...]]:
    """The plan of a package's default function, and zeros for its inputs."""
    import torch

    from blazepalm.reports.backends.mil import load
    from blazepalm.reports.backends.mil.plan import make_plan

    program = load(package)
    function = program.functions[program.default_function]
    plan = make_plan(function, program.source, accumulation=FLOAT32_SUMS, rounds=False)
    examples = []
    for value in function.inputs:
        shape = value.type.shape
        if shape is None or None in shape:
            raise CouldNotVerify(
                f"{program.source}: input '{value.name}' is {value.type}; "
                "Core AI's program is made for one shape"
            )
        examples.append(torch.zeros(*(n for n in shape if n), dtype=_carrier(value.type.dtype)))
    return plan, tuple(examples)


def _carrier(dtype: str) -> Any:
    import torch

    from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES

    return torch.float16 if dtype == "FLOAT16" else STORAGE_TYPES[dtype]


def _replay(plan: Any, names: Sequence[str]) -> Any:
    """The plan as a torch module: the function's inputs, and as many values as there are names or
    none, which replace those once they are computed → the values of these names.
    """
    import torch
    from torch import nn

    from blazepalm.converter.coreai.mixed import prelu

    def carried(value: torch.Tensor, dtype: str) -> torch.Tensor:
        wanted = _carrier(dtype)
        return value if value.dtype == wanted else value.to(wanted)

    def result(step: Any, operands: list[torch.Tensor]) -> Any:
        if step.operation.type == "prelu":
            return prelu(*operands)
        return step.run(*operands)

    class Replay(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for slot, value in enumerate(plan.values):
                if value is not None:
                    self.register_buffer(f"v{slot}", carried(value, plan.dtypes[slot]))

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            values = [getattr(self, f"v{slot}", None) for slot in range(len(plan.values))]
            own = len(plan.function.inputs)
            for feature, given in zip(plan.function.inputs, inputs[:own], strict=True):
                values[plan.slots[feature.name]] = given
            wanted = [plan.slots[name] for name in names]
            replaced = dict(zip(wanted, inputs[own:], strict=False))
            computed: dict[int, torch.Tensor] = {}
            for step in plan.steps:
                operands = [values[slot] for slot in step.reads]
                floats = {x.dtype for x in operands if x.is_floating_point()}
                if floats != {torch.float16} or step.types[0].dtype != "FLOAT16":
                    operands = [x.float() if x.dtype == torch.float16 else x for x in operands]
                found = result(step, operands)
                found = found if isinstance(found, tuple) else (found,)
                for slot, value, declared in zip(step.writes, found, step.types, strict=True):
                    values[slot] = computed[slot] = carried(value, declared.dtype)
                    if slot in replaced:
                        values[slot] = replaced[slot]
                for slot in step.frees:
                    values[slot] = None
            return tuple(computed.get(slot, values[slot]).contiguous() for slot in wanted)

    return Replay().eval()
