"""Reads a saved state_dict back: `model.safetensors`, or `model.pth` without running any
code that a file could carry (`weights_only=True`).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blazepalm.models.errors import ArtifactError


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pth` file by name.

    Raises ArtifactError where the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes the two readers raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArtifactError(f"{path}: cannot be read as weights ({reason})") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ArtifactError(f"{path}: holds no state_dict")
    return state


def load_state(module: nn.Module, path: Path) -> None:
    """Fills `module` from a file; every parameter exactly once, of the same shape."""
    try:
        module.load_state_dict(read_state(path), strict=True)
    except RuntimeError as error:
        raise ArtifactError(f"{path}: does not fit this model: {error}") from error
