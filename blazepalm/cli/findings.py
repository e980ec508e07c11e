"""What `detect` prints: one picture's hands as a table, each of several pictures as a line, a
video's counts; then the files written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.cli import console
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from blazepalm.cli.outputs import Outputs
    from blazepalm.media.frames import Source
    from blazepalm.reports.hands.detections import FrameRecord, HandRecord


class Tally:
    """What `detect` has found in one source so far."""

    def __init__(self, source: "Source") -> None:
        self.source = source
        self.frames = self.hands = self.with_hands = 0
        self._last: FrameRecord

    def add(self, record: "FrameRecord") -> None:
        """Counts one more frame."""
        self.frames += 1
        self.hands += len(record["hands"])
        self.with_hands += bool(record["hands"])
        self._last = record

    def in_full(self) -> "list[str | Table]":
        """A picture's hands as a table."""
        hands = self._last["hands"]
        if not hands:
            return [f"{self._heading}: no hand found"]
        size = (self._last["height"], self._last["width"])
        return [f"{self._heading}: {counted(hands)}", table(hands, size)]

    def in_a_line(self) -> "list[str | Table]":
        """A picture's hands, or how many of a video's frames have hands."""
        from blazepalm.reports.hands.detections import label_of

        hands = self._last["hands"]
        if self.source.kind != "image":
            found = f"{self.frames} frames, {self.with_hands} with hands, {self.hands} hands in all"
        elif hands:
            found = f"{counted(hands)} ({', '.join(map(label_of, hands))})"
        else:
            found = "no hand found"
        return [f"{self._heading}: {found}"]

    @property
    def _heading(self) -> str:
        size = f"{self._last['width']}×{self._last['height']}"
        return f"{printable(self.source.path)}, {size}"


def counted(hands: "Sequence[HandRecord]") -> str:
    """`1 palm`, `2 hands`."""
    what = "palm" if hands[0]["landmarks"] is None else "hand"
    return f"{len(hands)} {what}{'s' * (len(hands) > 1)}"


def table(hands: "Sequence[HandRecord]", size: tuple[int, int]) -> "Table":
    """One row per hand; boxes in pixels of an image of `size` (height, width)."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, pad_edge=False)
    gestures = any(hand["gesture"] is not None for hand in hands)
    names = ["hand", "palm score", "handedness", "presence", "palm box in pixels"]
    for name in [*names[:3], *(["gesture"] if gestures else []), *names[3:]]:
        shown.add_column(name, justify="left" if name in ("handedness", "gesture") else "right")
    height, width = size
    for number, hand in enumerate(hands, start=1):
        xmin, ymin, xmax, ymax = hand["box"]
        side = hand["handedness"]
        shown.add_row(
            str(number),
            f"{hand['score']:.3f}",
            "–" if side is None else f"{side} {hand['handedness_score']:.3f}",
            *(
                [f"{printable(hand['gesture'] or '')} {hand['gesture_score']:.3f}"]
                if gestures
                else []
            ),
            "–" if hand["presence"] is None else f"{hand['presence']:.3f}",
            f"{xmin * width:.0f}, {ymin * height:.0f} to {xmax * width:.0f}, {ymax * height:.0f}",
        )
    return shown


def tell_outputs(outputs: "Outputs") -> None:
    """Prints the files written, one line per kind; for several files, their folder."""
    for what, paths in (
        ("drawn", list(outputs.drawings.values())),
        ("video", list(outputs.movies.values())),
        ("table", [outputs.csv]),
        ("json", [outputs.json]),
    ):
        written = [path for path in paths if path is not None and path.exists()]
        if written:
            path: Path = written[0] if len(written) == 1 else written[0].parent
            console.out(f"{what}: {printable(str(path))}")
