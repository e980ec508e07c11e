"""Reads a saved state_dict or anchors: `model.safetensors`, or `model.pth` without running any code
that a file could carry (`weights_only=True`); `anchors.npy` without unpickling.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blazepalm.errors import ArtifactError, one_line
from blazepalm.limits import ANCHORS_BYTES


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pth` file by name.

    Raises ArtifactError if the file is missing, damaged or of another kind.
    """
    return read_weights(path)[0]


def read_weights(path: str | Path) -> tuple[dict[str, Tensor], str | None]:
    """The tensors, as `read_state`, and the network's structure as JSON text if the file records it
    (a `model.pth` of ours does). Raises like `read_state`.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path), None
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the two readers may raise anything on a damaged file
        raise ArtifactError(f"{path}: cannot be read as weights ({one_line(error)})") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ArtifactError(f"{path}: holds no state_dict")
    structure = content.get("structure") if state is not content else None
    return state, structure if isinstance(structure, str) else None


def load_state(
    module: nn.Module, path: str | Path, state: Mapping[str, Tensor] | None = None
) -> None:
    """Fills `module` from a file (or from `state`, already read from it); every parameter exactly
    once, with the same shape. Raises ArtifactError, leaving the module unchanged.
    """
    state = read_state(path) if state is None else state
    check_state(module, state, path, exact=False)
    module.load_state_dict(state, strict=True)


def check_state(
    module: nn.Module, state: Mapping[str, Tensor], path: str | Path, *, exact: bool = True
) -> None:
    """Raises ArtifactError, naming the first mismatch, unless `state`, which was read from `path`,
    fits `module`: the same names and shapes, and the same dtypes or, unless `exact`, floating-point
    numbers of any precision.
    """
    expected = module.state_dict()
    for name in sorted({str(key) for key in (*state, *expected)}):
        wanted, found = expected.get(name), state.get(name)
        if found is None or wanted is None:
            lack = "is missing" if found is None else "belongs to another model"
            raise ArtifactError(f"{path}: does not fit this model: {name!r:.120} {lack}")
        fits = found.dtype == wanted.dtype if exact else found.is_floating_point()
        if found.shape != wanted.shape or found.layout != torch.strided or not fits:
            raise ArtifactError(
                f"{path}: does not fit this model: {name} is {_kind(found)}, expected "
                f"{_kind(wanted)}"
            )


def check_finite(name: str, values: NDArray[Any], where: str, advice: str) -> None:
    """Raises ArtifactError, naming the weight, if one of its values is infinite or NaN."""
    bad = int(values.size - np.isfinite(values).sum())
    if bad:
        raise ArtifactError(
            f"{where}: {bad} of {values.size} values of {name} are infinite or not a number; "
            f"{advice}"
        )


def read_anchors(path: str | Path, count: int) -> NDArray[np.float32]:
    """(count, 4) float32 of a `.npy` file. Raises ArtifactError."""
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    if path.stat().st_size > ANCHORS_BYTES:
        raise ArtifactError(f"{path}: larger than {ANCHORS_BYTES} bytes, so not anchors")
    try:
        anchors: Any = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy may raise anything on a damaged file
        raise ArtifactError(f"{path}: cannot be read as an array ({one_line(error)})") from error
    if not isinstance(anchors, np.ndarray) or anchors.dtype.kind not in "fiu":
        raise ArtifactError(f"{path}: is not an array of numbers")
    if anchors.shape != (count, 4):
        raise ArtifactError(f"{path}: anchors have shape {anchors.shape}, expected {(count, 4)}")
    if not np.isfinite(anchors).all():
        raise ArtifactError(f"{path}: anchors are not finite")
    return anchors.astype(np.float32)


def _kind(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
