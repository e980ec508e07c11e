"""Runs a plan step by step and checks each result.

Every result is compared with its declared type. If a malformed file makes torch raise, the error
becomes one sentence that names the operation. No state is kept between runs, so several threads may
run one plan.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from blazepalm.errors import BlazePalmError, InvalidModel, first_line
from blazepalm.reports.backends.mil.plan import Plan, Step
from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES, to_array
from blazepalm.reports.backends.mil.values import MAX_ELEMENTS, TensorType

LARGE = 1 << 22  # elements of a result from which on all that is held is counted
MAX_HELD = 4 * MAX_ELEMENTS


def run_plan(
    plan: Plan,
    inputs: dict[str, torch.Tensor],
    source: str,
    keep: Collection[str] = (),
    replace: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """The function's outputs, and the values named in `keep`, as numpy arrays of their MIL types.
    `inputs` has one tensor per function input. A value named in `replace` is kept as computed, but
    later operations read the given one. Raises InvalidModel.
    """
    values: list[Any] = list(plan.values)
    for name, tensor in inputs.items():
        values[plan.slots[name]] = tensor
    kept: dict[str, np.ndarray] = {}
    wanted = {plan.slots[name]: name for name in keep}
    given = {plan.slots[name]: value for name, value in (replace or {}).items()}
    for name in keep:
        if values[plan.slots[name]] is not None:
            kept[name] = _numpy(values[plan.slots[name]], plan.function.types[name])
    with torch.inference_mode():
        for step in plan.steps:
            try:
                results = step.run(*[values[slot] for slot in step.reads])
            except BlazePalmError as error:
                raise InvalidModel(f"{source}: {step.operation}: {error}") from error
            except Exception as error:
                raise InvalidModel(
                    f"{source}: {step.operation} cannot be computed ({first_line(error)})"
                ) from error
            if not isinstance(results, tuple):
                results = (results,)
            _check(step, results, source)
            for slot, result in zip(step.writes, results, strict=True):
                values[slot] = result
                if slot in wanted:
                    name = wanted[slot]
                    kept[name] = _numpy(result, plan.function.types[name])
                if slot in given:
                    values[slot] = _in_place_of(result, given[slot])
            for slot in step.frees:
                values[slot] = None
            if _is_large(results):
                _check_held(step, values, source)
    for name in plan.function.outputs:
        if name not in kept:
            kept[name] = _numpy(values[plan.slots[name]], plan.function.types[name])
    return kept


def _in_place_of(result: torch.Tensor, given: np.ndarray) -> torch.Tensor:
    """The given values in the shape and storage type of what was computed."""
    value = torch.from_numpy(np.ascontiguousarray(given)).reshape(result.shape)
    return value.to(result.dtype)


def _numpy(value: Any, declared: TensorType) -> np.ndarray:
    return to_array(value, declared.dtype) if isinstance(value, torch.Tensor) else np.array(value)


def _check(step: Step, results: tuple[Any, ...], source: str) -> None:
    """Raises InvalidModel unless the results have the declared types."""
    if len(results) != len(step.types):
        raise InvalidModel(
            f"{source}: {step.operation} gives {len(results)} results, "
            f"but the file declares {len(step.types)}"
        )
    for result, declared in zip(results, step.types, strict=True):
        if not isinstance(result, torch.Tensor):
            continue
        if result.dtype != STORAGE_TYPES.get(declared.dtype) or not agrees(result.shape, declared):
            raise InvalidModel(
                f"{source}: {step.operation}: its operands give {result.dtype} of shape "
                f"{list(result.shape)}, but the file declares {declared}"
            )


def _is_large(results: tuple[Any, ...]) -> bool:
    return any(isinstance(r, torch.Tensor) and r.numel() > LARGE for r in results)


def _check_held(step: Step, values: list[Any], source: str) -> None:
    """Raises InvalidModel if the values still to be read are too large together."""
    held = sum(value.numel() for value in values if isinstance(value, torch.Tensor))
    if held > MAX_HELD:
        raise InvalidModel(f"{source}: {held} values are in memory at {step.operation}, too many")


def agrees(shape: tuple[int, ...], declared: TensorType) -> bool:
    """Whether a value of `shape` matches the declared type."""
    if shape == declared.shape or declared.shape is None:
        return True
    return len(shape) == len(declared.shape) and all(
        want in (None, size) for want, size in zip(declared.shape, shape, strict=True)
    )
