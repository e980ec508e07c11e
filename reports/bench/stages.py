"""The processor's time in each stage of the hand pipeline outside the networks, measured where the
pipeline calls it.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

# stage → the functions of `models.hand_pipeline` that it is made of
STAGES = {
    "letterbox": ("letterbox",),
    "palms": ("decode_palms",),
    "regions": ("region_from_palm", "region_from_landmarks", "distinct"),
    "crops": ("crop_region",),
    "range": ("to_range",),
    "hands": ("decode_hand", "_in_image"),
}
REST = "rest"


@contextmanager
def timed_stages() -> Iterator[dict[str, float]]:
    """While the block is open, each stage adds this thread's seconds of processor time to what is
    yielded, by its name.
    """
    from blazepalm.models import hand_pipeline

    seconds: dict[str, float] = {}

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            start = time.thread_time()
            found = function(*args)
            seconds[stage] = seconds.get(stage, 0.0) + time.thread_time() - start
            return found

        return wrapped

    plain = {name: getattr(hand_pipeline, name) for names in STAGES.values() for name in names}
    try:
        for stage, names in STAGES.items():
            for name in names:
                setattr(hand_pipeline, name, timed(stage, plain[name]))
        yield seconds
    finally:
        for name, function in plain.items():
            setattr(hand_pipeline, name, function)


def medians(frames: Sequence[Mapping[str, float]], own: Sequence[float]) -> dict[str, float]:
    """Each stage's median over the frames, in seconds; the rest is what they leave of the medians'
    whole time outside the networks, `own`.
    """
    found = {s: statistics.median(frame.get(s, 0.0) for frame in frames) for s in STAGES}
    return {**found, REST: statistics.median(own) - sum(found.values())}


def table(rows: Sequence[tuple[str, Mapping[str, float]]]) -> "Table":
    """A row for each name and its stages' seconds, shown as milliseconds."""
    from rich import box
    from rich.table import Table

    shown = Table(
        box=box.SIMPLE, pad_edge=False, title="outside networks, ms", title_justify="left"
    )
    for name in ("", *STAGES, REST):
        shown.add_column(name, justify="right")
    for name, stages in rows:
        shown.add_row(name, *(f"{1e3 * stages[stage]:.2f}" for stage in (*STAGES, REST)))
    return shown
