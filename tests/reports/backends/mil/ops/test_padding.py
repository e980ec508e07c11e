"""`pad` against coremltools' value inference, which is numpy's `pad`."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate"])
@pytest.mark.parametrize("pads", [[1, 2], [2, 0, 0, 3], [1, 0, 1, 2, 2, 1], [0, 0, 0, 0]])
def test_every_mode(check: Any, mode: str, pads: list[int]) -> None:
    check("pad", {"x": X}, pad=np.array(pads, np.int32), mode=mode, constant_val=np.float32(-9))


def test_computed_pads(run: Any) -> None:
    pads = np.array([0, 0, 1, 0, 0, 2], np.int32)
    (found,) = run(
        lambda x, pads: Builder.pad(x=x, pad=pads, mode="constant", constant_val=np.float32(5)),
        x=X,
        pads=pads,
    )
    expected = np.pad(X, [(0, 0), (1, 0), (0, 2)], constant_values=5)
    np.testing.assert_array_equal(found, expected)
