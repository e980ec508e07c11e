"""`scaled_dot_product_attention` against coremltools' value inference."""

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_attention(check: Any, rng: np.random.Generator, mask: str | None) -> None:
    operands = {
        "query": rng.normal(size=(2, 3, 4)).astype(np.float32),
        "key": rng.normal(size=(2, 5, 4)).astype(np.float32),
        "value": rng.normal(size=(2, 5, 6)).astype(np.float32),
    }
    if mask == "float":
        operands["attn_mask"] = rng.normal(size=(3, 5)).astype(np.float32)
    if mask == "bool":
        kept = rng.random((3, 5)) < 0.6
        kept[:, 0] = True
        operands["attn_mask"] = kept
    check("scaled_dot_product_attention", operands, opset="iOS18", rtol=1e-5)
