"""What each layer costs in integers. On paper: a network of numbers, whose integers are rounded."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from blazepalm.reports.compression.measure import Cost, Measure, worst
from blazepalm.reports.compression.prices import Step, layer_prices, price, whole_price


class Numbers(Measure):
    """A cost is the distance of two numbers."""

    def __init__(self, count: int) -> None:
        self.inputs = [()] * count

    def cost_of(self, item: tuple[Any, ...], reference: Any, candidate: Any) -> Cost:
        apart = abs(reference["y"] - candidate["y"])
        return Cost(float("inf") if apart > 5 else 2 * apart, apart, 1 - apart)


RUNS: list[str] = []


def step(name: str, reads: str, factor: float, rounded: float | None) -> Step:
    """`name` = the sum of `reads` · factor; in integers: · rounded."""

    def times(by: float, label: str) -> Any:
        def run(values: Mapping[Hashable, Any]) -> list[float]:
            RUNS.append(label)
            return [by * sum(values[key] for key in reads)]

        return run

    integers = None if rounded is None else times(rounded, name.upper())
    return Step(name, "TIMES", tuple(reads), (name,), times(factor, name), integers)


# y = (a + b) · 1, a = x · 2, b = x · 3, and a step that nothing reads
STEPS = [
    step("a", "x", 2, 2.1),
    step("b", "x", 3, 3.4),
    step("z", "x", 1, None),
    step("y", "ab", 1, 9.0),
]


def test_each_layer_alone_and_all_together() -> None:
    """x = 1 and 2: a costs 0.1 and 0.2, b 0.4 and 0.8, y 40 and 80; worst of both inputs."""
    inputs: list[dict[Hashable, Any]] = [{"x": 1.0}, {"x": 2.0}]
    measure = Numbers(2)
    RUNS.clear()
    found = layer_prices(STEPS, inputs, lambda values: values, measure, lambda *step: None)  # type: ignore[arg-type, return-value]
    assert [p.layer for p in found] == ["y", "b", "a"]  # the dearest first
    assert found[0].used is None  # lost
    for entry, wanted in zip(found[1:], (0.8, 0.2), strict=True):
        assert entry.pixels is not None and entry.used is not None and entry.iou is not None
        np.testing.assert_allclose((entry.pixels, entry.used, entry.iou),
                                   (wanted, 2 * wanted, 1 - wanted))  # fmt: skip
    # after a layer, only what reads its value runs again
    assert [*("a", "b", "z", "y"), *("A", "y", "B", "y", "Y")] * 2 == RUNS
    whole = whole_price(STEPS, inputs, lambda values: values, measure, lambda *step: None)  # type: ignore[arg-type, return-value]
    np.testing.assert_allclose(whole.pixels or 0, 2 * (9 * 5.5 - 5))


def test_what_is_not_finite_is_none() -> None:
    assert price("a", "ADD", Cost(float("inf"), float("inf"))).pixels is None


def test_the_worst_of_several() -> None:
    assert worst([Cost(0.1, 2.0, 0.9), Cost(0.3, 1.0, 0.8)]) == Cost(0.3, 2.0, 0.8)
    assert worst([Cost(0.1, 2.0)]).iou is None
