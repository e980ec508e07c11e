"""A small Core ML package for the commands that take one."""

import shutil
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from torch import nn

    from support.packages import convert_module, ct

    class Network(nn.Module):
        """Pixels 0..255 → a map, and the mean of each of three channels."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.relu(self.conv(image)), image.mean((2, 3))

    return convert_module(
        tmp_path_factory.mktemp("made") / "Small.mlpackage",
        Network(),
        [ct.ImageType("picture", shape=(1, 3, 6, 8))],
        outputs=[
            ct.TensorType("map", dtype=np.float32),
            ct.TensorType("means", dtype=np.float32),
        ],
    )


@pytest.fixture
def small_package(_made: Path, tmp_path: Path) -> Path:
    """A copy of one, to be broken at will: image `picture` (RGB, 8 wide, 6 high) → `map`
    (1, 8, 4, 6) and `means` (1, 3), the channels' means of 0..255.
    """
    return Path(shutil.copytree(_made, tmp_path / "Small.mlpackage"))
