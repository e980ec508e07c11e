"""Faults in a float16 package that only another arithmetic shows: added up in float32, the numbers
are right; added up in float16, one after the other, they are not.

Each is planted at one operation of the executor's plan, twice: there it adds up as everywhere
else, or as the executor's float16 accumulation does (`reports.backends.mil.accumulation`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from blazepalm.reports.backends.names import MIL_FP16
from blazepalm.reports.faults.planted import Fault, Planted
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

    from blazepalm.reports.backends.mil import Program
    from blazepalm.reports.backends.mil.plan import Plan, Step

Run = Callable[..., Any]

HALF_MAX = 60000.0  # below float16's largest number, 65504
# How many times the convolution's largest result a sum carries: a float16 one is then rounded to an
# eighth of that result, a float32 one to 2⁻¹⁶ of it. It stays below HALF_MAX.
CARRIED, MOST_CARRIED = 256.0, 32768.0
FEW_TERMS = 64  # fewer do not add up to an error worth planting


def _carried(run: Run) -> Run:
    """A convolution with two more channels of its input: one adds a large number first, the other
    takes it away at the end.
    """
    import torch

    def convolve(x: "torch.Tensor", weight: "torch.Tensor", *bias: "torch.Tensor") -> Any:
        peak = float(run(x, weight, *bias).abs().max())
        carried = min(2.0 ** math.ceil(math.log2(CARRIED * peak or 1)), MOST_CARRIED)
        one = torch.ones_like(x[:, :1])
        factor = torch.zeros_like(weight[:, :1])
        factor[:, 0, weight.shape[2] // 2, weight.shape[3] // 2] = carried
        return run(torch.cat((one, x, one), 1), torch.cat((factor, weight, -factor), 1), *bias)

    return convolve


def _large(run: Run) -> Run:
    """A mean of numbers that float16 holds, as it does their mean, but not their sum."""
    from blazepalm.reports.backends.mil.storage_types import round_to_float16

    def mean(x: "torch.Tensor") -> Any:
        scale = HALF_MAX / float(x.abs().max())
        return round_to_float16(run(round_to_float16(x * scale)) / scale)

    return mean


def _most_terms(plan: "Plan") -> int | None:
    """The last of the float16 convolutions that add up the most products, of one group."""
    terms = {
        place: weight[0].numel()
        for place, step in enumerate(plan.steps)
        if step.operation.type == "conv" and step.types[0].dtype == "FLOAT16"
        for weight in [plan.values[step.reads[1]]]
        if weight is not None and weight.dim() == 4 and weight.shape[1] >= FEW_TERMS
    }
    return max(terms, key=lambda place: (terms[place], place), default=None)


def _mean(plan: "Plan") -> int | None:
    """The first mean in float16."""
    for place, step in enumerate(plan.steps):
        if step.operation.type == "reduce_mean" and step.types[0].dtype == "FLOAT16":
            return place
    return None


def _in_package(
    name: str, find: "Callable[[Plan], int | None]", spoil: Callable[[Run], Run]
) -> Fault:
    def plant(subject: Subject) -> Planted | None:
        from blazepalm.reports.backends.mil.accumulation import FLOAT16_SUMS
        from blazepalm.reports.backends.mil_package import Executed

        backend = subject.backends.get(MIL_FP16)
        if not isinstance(backend, Executed):
            return None
        program = backend.package.program
        plan, halves = program.plan(), program.plan(accumulation=FLOAT16_SUMS)
        if (place := find(plan)) is None:
            return None
        right, wrong = (
            replace(
                backend,
                package=replace(
                    backend.package,
                    program=_with_step(program, place, replace(step, run=spoil(step.run))),
                ),
            )
            for step in (plan.steps[place], halves.steps[place])
        )
        return Planted(plan.steps[place].operation.outputs[0].name, halves=(right, wrong))

    return Fault(name, plant)


def _with_step(program: "Program", place: int, step: "Step") -> "Program":
    plan = program.plan()
    steps = (*plan.steps[:place], step, *plan.steps[place + 1 :])
    return program.with_plan(replace(plan, steps=steps))


PACKAGE_FAULTS: tuple[Fault, ...] = (
    _in_package("a package's convolution adds up in float16", _most_terms, _carried),
    _in_package("a package's sum overflows float16 on the way", _mean, _large),
)
