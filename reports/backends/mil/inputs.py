"""Turns a caller's arrays and pictures into one tensor per input of the function. Each is checked
against the model's description; optional inputs that are left out get their defaults.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from blazepalm.errors import InvalidInput
from blazepalm.reports.backends.mil.image import image_tensor
from blazepalm.reports.backends.mil.interface import Feature, Interface
from blazepalm.reports.backends.mil.storage_types import (
    FLOATS,
    STORAGE_TYPES,
    round_to_float16,
    to_tensor,
)
from blazepalm.reports.backends.mil.values import MAX_ELEMENTS


def prepare_inputs(
    interface: Interface, given: Mapping[str, Any], source: str
) -> dict[str, torch.Tensor]:
    """Every input by name. Raises InvalidInput, or InvalidImage."""
    values = values_by_input(interface, given, source)
    return {feature.name: _prepare(feature, value, source) for feature, value in values}


def values_by_input(
    interface: Interface, given: Mapping[str, Any], source: str
) -> Iterator[tuple[Feature, Any]]:
    """Every input with its value; None for an optional one that is left out. Raises InvalidInput
    for an unknown name and for a missing value.
    """
    names = [feature.name for feature in interface.inputs]
    for name in given:
        if name not in names:
            raise InvalidInput(f"{source} has no input '{name}'; it takes {', '.join(names)}")
    for feature in interface.inputs:
        value = given.get(feature.name)
        if value is None and not feature.optional:
            raise InvalidInput(f"{source}: input '{feature.name}' is missing")
        yield feature, value


def _prepare(feature: Feature, value: Any, source: str) -> torch.Tensor:
    if feature.type.dtype not in STORAGE_TYPES:
        raise InvalidInput(f"{source}: input {feature} is of a kind that is not executed")
    array = _default(feature, source) if value is None else checked_array(feature, value, source)
    tensor = to_tensor(array, feature.type.dtype)
    return round_to_float16(tensor) if feature.type.dtype == "FLOAT16" else tensor


def checked_array(feature: Feature, value: Any, source: str) -> np.ndarray:
    """An array or picture as the feature's array: of an allowed shape and kind; an image as
    (1, C, H, W) float32 in its own layout. Raises InvalidInput, or InvalidImage.
    """
    if feature.image is not None:
        array = image_tensor(value, feature)
    else:
        array = _array(feature, value, source)
    if array.size > MAX_ELEMENTS:
        raise InvalidInput(f"{source}: input '{feature.name}' has {array.size} elements")
    return array


def _default(feature: Feature, source: str) -> np.ndarray:
    shape = feature.shape or tuple(d for d in feature.type.shape or () if d is not None)
    if np.prod(shape, dtype=object) > MAX_ELEMENTS:
        raise InvalidInput(f"{source}: the default of '{feature.name}' has shape {list(shape)}")
    return _shaped(np.full(shape, feature.default), feature, source)


def _array(feature: Feature, value: Any, source: str) -> np.ndarray:
    array = np.asarray(value)
    float_wanted = feature.type.dtype in FLOATS
    if array.dtype.kind not in ("fiub" if float_wanted else "iub"):
        raise InvalidInput(
            f"{source}: input '{feature.name}' takes {feature.type}, found {array.dtype}"
        )
    return _shaped(array, feature, source)


def _shaped(array: np.ndarray, feature: Feature, source: str) -> np.ndarray:
    """The array if the feature allows its shape; a single number, in any shape, as a scalar."""
    if feature.type.shape == () and array.size == 1:
        return array.reshape(())
    if not feature.allows(array.shape):
        raise InvalidInput(
            f"{source}: input '{feature.name}' takes shape {feature.allowed()}, "
            f"found {list(array.shape)}"
        )
    return array
