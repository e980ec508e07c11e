"""Values inside a package's program, read from Core AI; expected values by arithmetic on paper."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder

from blazepalm.converter.coreai.needed import missing_coreai
from blazepalm.reports.backends.coreai_layers import CoreAILayers
from blazepalm.reports.backends.coreai_program import export_layers
from blazepalm.reports.backends.mil import Program, load

Run = Callable[[np.ndarray, dict[str, np.ndarray] | None], dict[str, np.ndarray]]

EVERY = os.environ.get("BLAZEPALM_EVERY_RELEASE")
NAMES = ("double", "square", "half", "less", "last")


def build(x: Any) -> Any:
    """The value `double` is read twice, `half` and `less` are float16."""
    double = Builder.add(x=x, y=x, name="double")
    square = Builder.mul(x=double, y=double, name="square")
    half = Builder.cast(x=square, dtype="fp16", name="half")
    less = Builder.sub(x=half, y=np.float16(1), name="less")
    wide = Builder.cast(x=less, dtype="fp32", name="wide")
    return Builder.add(x=wide, y=double, name="last")


@pytest.fixture(name="program")
def _program(save: Callable[..., Path]) -> Program:
    return load(save(build, x=np.zeros((2, 3), np.float32)))


def test_only_what_the_program_computes_is_asked_for(program: Program) -> None:
    assert CoreAILayers(program, ("none", *NAMES, "x")).names == NAMES


def check(run: Run) -> None:
    """`run`: the input and what replaces the layers → their values."""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    squares = 4 * x * x
    found = run(x, None)
    assert tuple(found) == NAMES
    same(found, 2 * x, squares, squares, squares - 1, squares - 1 + 2 * x)
    assert {n for n in NAMES if found[n].dtype == np.float16} == {"half", "less"}

    third = np.float32(1) / 3
    given = [np.full(6, value, np.float32) for value in (5, 6, third, 8, 9)]
    less = np.float16(third) - np.float16(1)  # what float16 holds of a third
    # each from what replaces the values before it
    same(run(x, dict(zip(NAMES, given, strict=True))), 2 * x, 25, 6, less, 8 + 5)


def same(found: dict[str, np.ndarray], *expected: Any) -> None:
    for name, value in zip(NAMES, expected, strict=True):
        assert np.array_equal(found[name], np.broadcast_to(value, (2, 3))), name


def test_layers_are_read_and_replaced(program: Program) -> None:
    """In torch: the functions that Core AI is given."""
    functions = export_layers(program.path, list(NAMES))

    def run(x: np.ndarray, replace: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
        given = [torch.from_numpy(x)]
        for name, value in (replace or {}).items():
            half = name in ("half", "less")
            shaped = torch.from_numpy(value.reshape(2, 3))
            given.append(shaped.half() if half else shaped)
        function = functions["cumulative" if replace is None else "local"]
        assert list(function.inputs) == [f"i{n}" for n in range(len(given))]
        assert list(function.outputs) == [f"o{n}" for n in range(len(NAMES))]
        found = function.program.module()(*given)
        return {name: value.numpy() for name, value in zip(NAMES, found, strict=True)}

    check(run)


@pytest.mark.skipif(not EVERY, reason="slow; set BLAZEPALM_EVERY_RELEASE=1")
def test_core_ai_reads_and_replaces_them(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (reason := missing_coreai()) is not None:
        pytest.skip(reason)
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    layers = CoreAILayers(program, NAMES)
    check(lambda x, replace: layers.run({"x": x}, replace))
