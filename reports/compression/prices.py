"""What each layer costs in integers: the network runs in float32 but for that one, on pictures of
hands, and parity's own comparisons say how far it ends from itself.

A network is a list of steps. On each picture all run once in float32; then, for each layer, its own
step runs in integers, and after it only those steps that read what it changed.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blazepalm.converter.layer_price import LayerPrice
from blazepalm.reports.compression.measure import Answer, Cost, Measure, worst
from blazepalm.reports.compression.search import OnStep

Values = dict[Hashable, Any]  # by tensor: arrays, or torch's tensors
Run = Callable[[Mapping[Hashable, Any]], Sequence[Any]]


@dataclass(frozen=True)
class Step:
    """One call: `run` gives the values of `writes` from those of `reads`; `rounded` does the same
    in integers, None for a call that has none.
    """

    layer: str
    operation: str
    reads: tuple[Hashable, ...]
    writes: tuple[Hashable, ...]
    run: Run
    rounded: Run | None = None


def layer_prices(
    steps: Sequence[Step],
    inputs: Sequence[Values],
    answer: Callable[[Mapping[Hashable, Any]], Answer],
    measure: Measure,
    on_step: OnStep,
) -> tuple[LayerPrice, ...]:
    """The price of each step that has one in integers, the dearest first. `inputs`: the values that
    the first steps read, one for each of the measure's inputs (or of the first ones); `answer`
    reads what the network found from all values.
    """
    costs: dict[int, list[Cost]] = {i: [] for i, step in enumerate(steps) if step.rounded}
    for number, (values, item) in enumerate(zip(inputs, measure.inputs, strict=False)):
        on_step("what each layer costs in integers", number, len(inputs))
        plain = dict(values)
        for step in steps:
            plain.update(zip(step.writes, step.run(plain), strict=True))
        reference = answer(plain)
        for place, found in costs.items():
            changed = _changed(steps, place, plain)
            found.append(measure.cost_of(item, reference, answer({**plain, **changed})))
    prices = [price(steps[i].layer, steps[i].operation, worst(found)) for i, found in costs.items()]
    return tuple(sorted(prices, key=_dearness))


def whole_price(
    steps: Sequence[Step],
    inputs: Sequence[Values],
    answer: Callable[[Mapping[Hashable, Any]], Answer],
    measure: Measure,
    on_step: OnStep,
) -> LayerPrice:
    """The price of all steps in integers at once, where they have one."""
    found = []
    for number, (values, item) in enumerate(zip(inputs, measure.inputs, strict=True)):
        on_step("what all layers cost in integers", number, len(inputs))
        plain, rounded = dict(values), dict(values)
        for step in steps:
            plain.update(zip(step.writes, step.run(plain), strict=True))
            run = step.rounded or step.run
            rounded.update(zip(step.writes, run(rounded), strict=True))
        found.append(measure.cost_of(item, answer(plain), answer(rounded)))
    return price("", "", worst(found))


def price(layer: str, operation: str, cost: Cost) -> LayerPrice:
    """A cost as it is kept."""
    used = cost.used if math.isfinite(cost.used) else None
    pixels = cost.pixels if math.isfinite(cost.pixels) else None
    return LayerPrice(layer, operation, used, pixels, cost.iou)


def _changed(steps: Sequence[Step], place: int, plain: Mapping[Hashable, Any]) -> Values:
    """The values that differ if one step runs in integers."""
    first = steps[place]
    assert first.rounded is not None
    changed: Values = dict(zip(first.writes, first.rounded(plain), strict=True))
    for step in steps[place + 1 :]:
        if not changed.keys().isdisjoint(step.reads):
            read = {key: changed.get(key, plain.get(key)) for key in step.reads}
            changed.update(zip(step.writes, step.run(read), strict=True))
    return changed


def _dearness(found: LayerPrice) -> tuple[float, float]:
    used = math.inf if found.used is None else found.used
    pixels = math.inf if found.pixels is None else found.pixels
    return -used, -pixels
