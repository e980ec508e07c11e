"""`convert --quantize auto`: the options of the smallest Core ML package that passes, measured on
rendered hands of the golden set, or on pictures of your own.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.options import MIXED, CoreMLOptions
from blazepalm.reports.cases.inputs import golden_cases, own_cases
from blazepalm.reports.compression.measure import Image
from blazepalm.reports.compression.search import OnStep, smallest

# cases of the golden set: every pose, turns, light and tone, small hands, two hands, covered ones
GOLDEN = (
    *("open-right", "open-left", "back-of-hand", "fist", "point", "pinch", "victory", "thumb-up"),
    *("rotated-100", "rotated-220", "tone-deep", "light-dim", "on-stripes", "two-hands"),
    *("wide-frame", "occluded-by-bar"),
)


@dataclass
class SmallestPackage:
    """For `convert(…, coreml=SmallestPackage())`: finds, for each model, the smallest package that
    passes parity's limits on `pictures` (paths of pictures, videos, folders); without any, on
    pictures rendered for it. `options`: of the package in all else. A network that reads no picture
    is not compressed. Takes some minutes for each model. `on_step` is told what is done.
    """

    pictures: Sequence[str | Path] = ()
    options: CoreMLOptions = CoreMLOptions()  # noqa: RUF009, it is frozen
    on_step: OnStep = lambda what, done, total: None
    _images: list[Image] = field(default_factory=list, init=False, repr=False)

    def __call__(self, model: Converted) -> CoreMLOptions:
        """The options for one model. Raises CouldNotVerify if no weight can be compressed within
        the limits, or the pictures show no hand; InvalidImage if one cannot be read.
        """
        if model.recognition is None:
            return self.options
        found = smallest(model, self._hands(), on_step=self.on_step)
        measured = tuple((c.size, c.cost.used, c.cost.pixels) for c in found.curve)
        return replace(
            self.options,
            compress=MIXED,
            weights=found.best.weights,
            measured=((found.plain, 0.0, 0.0), *measured),
        )

    def _hands(self) -> list[Image]:
        if not self._images:
            self._images += self._own() if self.pictures else rendered(self.on_step)
        return self._images

    def _own(self) -> list[Image]:
        return [case.image for case in own_cases(self.pictures) if case.image is not None]


def rendered(on_step: OnStep) -> list[Image]:
    """The pictures named in `GOLDEN`."""
    from blazepalm.golden.make import make_golden

    told: Callable[[str, int, int], None] = lambda name, done, total: on_step(  # noqa: E731
        f"rendering {name}", done, total
    )
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as folder:
        golden = make_golden(Path(folder) / "golden", names=GOLDEN, on_case=told)
        return [case.image for case in golden_cases(golden) if case.image is not None]
