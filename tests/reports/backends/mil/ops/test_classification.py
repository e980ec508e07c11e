"""`classify`: a label, and the probabilities in the order of the classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder
from coremltools.converters.mil.mil import mil_list

from blazepalm.reports.backends.mil import load

LABELS = [["left", "right", "none"], [np.int64(7), np.int64(-2), np.int64(40)]]


@pytest.mark.parametrize("labels", LABELS)
def test_classify(save: Any, labels: list[Any]) -> None:
    def build(x: Any) -> Any:
        return Builder.classify(probabilities=x, classes=Builder.const(val=mil_list(labels)))

    x = np.array([[0.25, 0.625, 0.125]], np.float32)
    path: Path = save(build, x=x)
    program = load(path)
    outputs = program.run({"x": x})
    label, probabilities = (outputs[name] for name in program.functions["main"].outputs)
    assert label.item() == labels[1]
    np.testing.assert_array_equal(probabilities, x[0])
