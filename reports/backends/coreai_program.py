"""What runs in the process that makes Core AI's programs: a saved Core ML package, or a module that
torch exported, becomes one (`converter.coreai.child`).

The executor's plan of a package is replayed as a torch module that `torch.export` can see. The
gap: the executor carries float16 values in float32 and rounds them, Core AI computes in float16.
So values that the package declares float16 are float16 here. An operation that mixes both types
computes in float32 and rounds, as the executor does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.converter.coreai.child import Exported, save_asset
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.mil.accumulation import FLOAT32_SUMS

Arrays = dict[str, np.ndarray]


def open_converter() -> Callable[[Arrays], Arrays]:
    """Converts one file after the other: takes the UTF-8 of the paths `origin` and `asset`. The
    program's function `main` has inputs `i0`, `i1`, … and outputs `o0`, `o1`, ….
    """
    import torch

    torch.set_num_threads(1)

    def convert(arrays: Arrays) -> Arrays:
        origin, asset = (Path(arrays[name].tobytes().decode()) for name in ("origin", "asset"))
        exported = torch.export.load(origin) if origin.suffix == ".pt2" else export_package(origin)
        signature = exported.graph_signature
        inputs = [f"i{n}" for n in range(len(signature.user_inputs))]
        outputs = [f"o{n}" for n in range(len(signature.user_outputs))]
        save_asset({"main": Exported(exported, inputs, outputs)}, asset)
        return {}

    return convert


def export_package(package: Path) -> Any:
    """The default function of a Core ML package as torch exports the executor's plan of it."""
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
    with torch.no_grad():
        return torch.export.export(_replay(plan), tuple(examples))


def _carrier(dtype: str) -> Any:
    import torch

    from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES

    return torch.float16 if dtype == "FLOAT16" else STORAGE_TYPES[dtype]


def _replay(plan: Any) -> Any:
    """The plan as a torch module: the function's inputs → its outputs."""
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
            for feature, given in zip(plan.function.inputs, inputs, strict=True):
                values[plan.slots[feature.name]] = given
            for step in plan.steps:
                operands = [values[slot] for slot in step.reads]
                floats = {x.dtype for x in operands if x.is_floating_point()}
                if floats != {torch.float16} or step.types[0].dtype != "FLOAT16":
                    operands = [x.float() if x.dtype == torch.float16 else x for x in operands]
                found = result(step, operands)
                found = found if isinstance(found, tuple) else (found,)
                for slot, value, declared in zip(step.writes, found, step.types, strict=True):
                    values[slot] = carried(value, declared.dtype)
                for slot in step.frees:
                    values[slot] = None
            return tuple(values[plan.slots[name]].contiguous() for name in plan.function.outputs)

    return Replay().eval()
