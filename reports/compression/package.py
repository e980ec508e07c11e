"""`convert --quantize`: the options of Core ML packages that need pictures: the smallest one that
passes (`auto`), and one with 8-bit integers between its layers (`int8`). They are measured on
rendered hands of the golden set, or on pictures of your own.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.options import MIXED, CoreMLOptions, Port
from blazepalm.reports.compression.measure import GREY, Image, Measure
from blazepalm.reports.compression.package_prices import package_prices
from blazepalm.reports.compression.pictures import hands
from blazepalm.reports.compression.prices import price
from blazepalm.reports.compression.search import OnStep, smallest
from blazepalm.reports.judge.policy import LIMITS

Levels = NDArray[np.float32]


@dataclass
class _Measured:
    """Options of a Core ML package that depend on pictures of hands."""

    pictures: Sequence[str | Path] = ()
    options: CoreMLOptions = CoreMLOptions()  # noqa: RUF009, it is frozen
    on_step: OnStep = lambda what, done, total: None
    _images: list[Image] = field(default_factory=list, init=False, repr=False)

    def __call__(self, model: Converted) -> CoreMLOptions:
        """The options for one model; a network that reads no picture keeps those given. Raises
        CouldNotVerify if the pictures show no hand, InvalidImage if one cannot be read.
        """
        return self.options if model.recognition is None else self.measured(model, self._hands())

    def measured(self, model: Converted, images: Sequence[Image]) -> CoreMLOptions:
        raise NotImplementedError

    def _hands(self) -> list[Image]:
        if not self._images:
            self._images += hands(self.pictures, self.on_step)
        return self._images


class SmallestPackage(_Measured):
    """For `convert(…, coreml=SmallestPackage())`: finds, for each model, the smallest package that
    passes parity's limits on `pictures` (paths of pictures, videos, folders); without any, on
    pictures rendered for it. `options`: of the package in all else. Takes some minutes for each
    model. `on_step` is told what is done.
    """

    def measured(self, model: Converted, images: Sequence[Image]) -> CoreMLOptions:
        """Raises CouldNotVerify if no weight can be compressed within the limits."""
        found = smallest(model, images, on_step=self.on_step)
        tried = ((c.size, price("", "", c.cost)) for c in found.curve)
        return replace(
            self.options,
            compress=MIXED,
            weights=found.best.weights,
            measured=((found.plain, 0.0, 0.0), *((n, p.used, p.pixels) for n, p in tried)),
        )


class IntegerPackage(_Measured):
    """For `convert(…, coreml=IntegerPackage())`: weights in 8-bit integers with a scale for each
    channel, and so are the values between layers, by the range that they have on `pictures`, as in
    `SmallestPackage`. Needs iOS17, which `options` get if their target is older. What that costs
    on those pictures, as a whole and by layer, is in `conversion.json` (`coreml.prices`).
    """

    def measured(self, model: Converted, images: Sequence[Image]) -> CoreMLOptions:
        later = "iOS17" if self.options.target in ("iOS15", "iOS16") else self.options.target
        options = replace(self.options, target=later)
        measure = Measure(model, images, LIMITS)
        return replace(
            options,
            compress="int8",
            activations=activation_ranges(model, measure, options, self.on_step),
            prices=package_prices(model, measure, self.on_step),
        )


def activation_ranges(
    model: Converted, measure: Measure, options: CoreMLOptions, on_step: OnStep
) -> tuple[tuple[str, float, float], ...]:
    """The lowest and highest number of every value of a package, by name, over the measure's
    inputs.
    """
    from blazepalm.converter.coreml import export
    from blazepalm.reports.backends.mil import load

    ranges: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as folder:
        record = export(model, Path(folder), options)
        program = load(Path(folder) / record.name)
        port = record.inputs[0]
        for number, (levels, *_) in enumerate(measure.inputs):
            on_step("measuring the range of each value", number, len(measure.inputs))
            given = as_input(levels, port, model)
            found = program.run({port.name: given}, intermediates=True)
            for name, values in {port.name: given, **found}.items():
                if values.dtype.kind == "f" and values.size:
                    low, high = ranges.get(name, (0.0, 0.0))
                    ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return tuple((name, *bounds) for name, bounds in sorted(ranges.items()))


def as_input(levels: Levels, port: Port, model: Converted) -> NDArray[Any]:
    """(H, W, 3) grey levels → what a package's input takes."""
    if port.kind == "image":
        return levels.astype(np.uint8)
    planes: NDArray[np.float32] = np.ascontiguousarray(levels.transpose(2, 0, 1)[None])
    if port.name == "images":  # face batch: 0..255
        return planes
    assert model.recognition is not None
    low, high = model.recognition.spec.value_range
    return planes * np.float32((high - low) / GREY) + np.float32(low)
