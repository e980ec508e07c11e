"""The executor adds up as Core AI does: it has the bits that coreai-core 1.0.0b3 computes, recorded
here, and computed again where that is installed.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

from blazepalm.child import Child
from blazepalm.converter.coreai.needed import missing_coreai
from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.coreai import core_ai_program
from blazepalm.reports.backends.mil import Program, load

# what Core AI's runtime computed: the first digits of the SHA-256 of each output's bytes
RECORDED = {
    "conv, float32": "f267c0786e6cd979",
    "prelu, float32": "5f7d16ba3f0b226a",
    "depthwise conv, float32": "db98b0d2026548c8",
    "bilinear, float32": "8e9cbab3d038c29b",
    "mean, float32": "5b89dc288584b0bd",
    "sum, float32": "227c375ae60463c5",
    "linear, float32": "5a266180b0a30d87",
    "matmul, float32": "ecd6a90f2c9a88c9",
    "conv, float16": "d222943372f914b7",
    "prelu, float16": "778d1ded39316a25",
    "depthwise conv, float16": "f4d0a89509addded",
    "bilinear, float16": "5bab292205e84fe3",
    "mean, float16": "ea019ada4c0bfcaf",
    "sum, float16": "b34eb2847072ef54",
    "linear, float16": "d236286b1b4f2ac6",
    "matmul, float16": "257e44fa2dedbb97",
}


def layers(x: Any, rng: np.random.Generator, dtype: type[np.floating[Any]]) -> list[Any]:
    """One of each operation that sums or weighs, on (1, 12, 10, 10): every dimension differs."""

    def some(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * 0.3).astype(dtype)

    wide = Builder.conv(
        x=x, weight=some(24, 12, 3, 5), bias=some(24), strides=(2, 1), pad_type="same"
    )
    bent = Builder.prelu(x=wide, alpha=some(24))
    deep = Builder.conv(x=bent, weight=some(24, 1, 5, 3), groups=24, pad_type="same")
    large = Builder.upsample_bilinear(
        x=deep, scale_factor_height=2, scale_factor_width=2, align_corners=False
    )
    mean = Builder.reduce_mean(x=large, axes=[2, 3], keep_dims=False)
    total = Builder.reduce_sum(x=deep, axes=[1, 3], keep_dims=True)
    last = Builder.linear(x=mean, weight=some(7, 24), bias=some(7))
    product = Builder.matmul(x=deep, y=some(10, 6))
    return [wide, bent, deep, large, mean, total, last, product]


def build(x: Any) -> list[Any]:
    """The layers in float32, then in float16."""
    rng = np.random.default_rng(7)
    half = Builder.cast(x=x, dtype="fp16")
    return [*layers(x, rng, np.float32), *layers(half, rng, np.float16)]


def digests(program: Program, found: dict[str, np.ndarray]) -> dict[str, str]:
    names = program.functions["main"].outputs
    each = (hashlib.sha256(found[name].tobytes()).hexdigest()[:16] for name in names)
    return dict(zip(RECORDED, each, strict=True))


@pytest.fixture(name="given")
def _given() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((1, 12, 10, 10)).astype(np.float32)


@pytest.fixture(name="program")
def _program(save: Callable[..., Path], given: np.ndarray) -> Program:
    return load(save(build, x=given))


def test_the_executor_has_the_recorded_bits(program: Program, given: np.ndarray) -> None:
    found = digests(program, program.run({"x": given}, accumulation="coreai"))
    assert found == RECORDED
    usual = digests(program, program.run({"x": given}))
    same = {name for name in RECORDED if usual[name] == found[name]}
    assert not any("float32" in name for name in same), "torch sums in another order"


@pytest.fixture(name="_core_ai")
def _installed() -> None:
    if (reason := missing_coreai()) is not None:
        pytest.skip(reason)


@pytest.mark.usefixtures("_core_ai")
def test_core_ai_computes_the_recorded_bits(
    program: Program, given: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    core_ai = core_ai_program(program)
    try:
        assert digests(program, core_ai.run({"x": given})) == RECORDED
    finally:
        core_ai.asset.close()


@pytest.mark.usefixtures("_core_ai")
def test_a_damaged_program_ends_its_own_process_only(tmp_path: Path) -> None:
    asset = tmp_path / "palm.aimodel"
    asset.mkdir()
    (asset / "main.mlirb").write_bytes(b"ML\xefR" + bytes(4096))
    (asset / "metadata.json").write_text('{"assetVersion": "2.0"}')
    function = "blazepalm.converter.coreai.child:open_asset"
    with pytest.raises(ProcessDied, match="^Core AI on palm.mlpackage: "):
        Child("Core AI on palm.mlpackage", function, {"asset": str(asset)})
