"""Single layers by the compiled form's kernels."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.forms.compiled.build import find_compiler, library
from blazepalm.reports.forms.compiled.kernel import Kernel
from blazepalm.reports.forms.compiled.lowering import Lowering, Output
from blazepalm.reports.forms.compiled.network import Workplace
from blazepalm.reports.forms.compiled.steps import Map


def need_compiler() -> None:
    """Skips the test where there is none."""
    try:
        find_compiler()
    except CouldNotVerify as error:
        pytest.skip(str(error))


def new(parts: int = 1) -> Lowering:
    return Lowering(library().sizes, parts)


def given(here: Lowering, channels: int, height: int, width: int) -> tuple[Map, Tensor]:
    """A seeded image, and its map with whole vectors of channels: ones copy it exactly."""
    image = 8 * torch.randn(1, channels, height, width)  # ReLU6 has something to cut off
    ones = Kernel(np.eye(channels, dtype=np.float32)[..., None, None], np.zeros(channels, "f4"))
    return here.conv(here.image(channels, height, width), ones), image


def computed(here: Lowering, made: Map, image: Tensor, parts: int = 1) -> Tensor:
    """What the kernels leave in a map, (1, C, H, W), float64."""
    steps, weights, size = here.steps.laid_out([made])
    network = SimpleNamespace(
        library=library(), threads=parts, steps=steps, weights=weights, size=size
    )
    place = Workplace(network)  # type: ignore[arg-type]
    for _ in range(2):  # what the first run leaves behind must not matter
        place.run(image)
    return place.map(Output(made, 0, made.channels)).permute(2, 0, 1)[None].double()
