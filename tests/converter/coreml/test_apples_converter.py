"""Converts the readable modules with Apple's own converter, by trace and by export: a witness for
our emitters and our reader, and for the modules being ordinary torch. Here half of the releases are
traced, with BLAZEPALM_EVERY_RELEASE=1 all.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from blazepalm.converter.coreml.quiet import import_coremltools
from blazepalm.reports.backends.mil import load
from support.converted import converted, images
from support.models import HANDS, PALMS

EXPORTED = ["palm-lite-2021-11", "hand-lite-2022"]  # each family; each has pooling
QUICK = [*EXPORTED, "palm-2020-11", "hand-3d-2019-08", "hand-2020-05"]
TRACED = [*PALMS, *HANDS] if os.environ.get("BLAZEPALM_EVERY_RELEASE") else QUICK


class Outputs(nn.Module):
    """The outputs that a module has, as a tuple: Core ML knows neither None nor named tuples."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(value for value in self.module(image) if value is not None)


def module_and_image(release: str) -> tuple[nn.Module, Tensor]:
    """The image is contiguous as (1, 3, H, W): torch chooses its kernels by the order in memory."""
    image = torch.from_numpy(images(release, 1)).permute(0, 3, 1, 2).contiguous()
    return Outputs(converted(release).module).eval(), image


def converted_by_apple(program: Any, image: Tensor, path: Path, **options: Any) -> list[np.ndarray]:
    """The outputs of the saved package that Core ML Tools makes of a program in float32."""
    ct = import_coremltools()
    package = ct.convert(
        program,
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32,
        skip_model_load=True,
        **options,
    )
    package.save(str(path))
    saved = load(path)
    (feature,) = saved.inputs
    found = saved.run({feature.name: image.numpy()})
    return [found[output.name] for output in saved.outputs]


def expect_equal(found: list[np.ndarray], module: nn.Module, image: Tensor) -> None:
    with torch.no_grad():
        expected = [value.numpy() for value in module(image)]
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a.view(np.int32), b.view(np.int32).reshape(a.shape))


@pytest.mark.filterwarnings("ignore")  # Core ML Tools warns about itself, torch and numpy
@pytest.mark.parametrize("release", TRACED)
def test_apples_conversion_of_the_trace_has_torchs_bits(release: str, tmp_path: Path) -> None:
    module, image = module_and_image(release)
    ct = import_coremltools()
    with torch.no_grad():
        traced = torch.jit.trace(module, image)
    found = converted_by_apple(
        traced, image, tmp_path / "a.mlpackage", inputs=[ct.TensorType("image", image.shape)]
    )
    expect_equal(found, module, image)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("release", EXPORTED)
def test_apples_conversion_of_the_exported_program_has_torchs_bits(
    release: str, tmp_path: Path
) -> None:
    """The converter's reader of exported programs requires each max-pooling to state its stride."""
    module, image = module_and_image(release)
    exported = torch.export.export(module, (image,)).run_decompositions({})
    expect_equal(converted_by_apple(exported, image, tmp_path / "a.mlpackage"), module, image)
