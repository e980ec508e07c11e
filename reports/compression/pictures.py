"""The pictures of hands that `convert --quantize` measures on: your own, or some of the golden set,
rendered for it.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from blazepalm.reports.cases.inputs import golden_cases, own_cases
from blazepalm.reports.compression.measure import Image
from blazepalm.reports.compression.search import OnStep

# cases of the golden set: every pose, turns, light and tone, small hands, two hands, covered ones
GOLDEN = (
    *("open-right", "open-left", "back-of-hand", "fist", "point", "pinch", "victory", "thumb-up"),
    *("rotated-100", "rotated-220", "tone-deep", "light-dim", "on-stripes", "two-hands"),
    *("wide-frame", "occluded-by-bar"),
)


def hands(pictures: Sequence[str | Path], on_step: OnStep) -> list[Image]:
    """Those of `pictures` (paths of pictures, videos, folders), or without any those of `GOLDEN`.
    Raises InvalidImage if one cannot be read.
    """
    if not pictures:
        return rendered(on_step)
    return [case.image for case in own_cases(pictures) if case.image is not None]


def rendered(on_step: OnStep) -> list[Image]:
    """The pictures named in `GOLDEN`."""
    from blazepalm.golden.make import make_golden

    told: Callable[[str, int, int], None] = lambda name, done, total: on_step(  # noqa: E731
        f"rendering {name}", done, total
    )
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as folder:
        golden = make_golden(Path(folder) / "golden", names=GOLDEN, on_case=told)
        return [case.image for case in golden_cases(golden) if case.image is not None]
