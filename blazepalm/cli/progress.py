"""Progress over frames, with frames per second, on stderr: a bar on a terminal, plain lines in
a log. Results can be printed meanwhile without breaking the bar.

`until_interrupted` turns the first Ctrl-C into a flag, so that the current frame and its files
are finished; the second interrupts as usual.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any

from blazepalm.cli import console
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

EVERY = 10.0  # seconds between plain lines


@dataclass
class Frames:
    """Counts frames: `done` of `total` (None: unknown), and the speed."""

    total: int | None
    what: str = "frame"
    done: int = 0
    _bars: "Bars | None" = None
    _task: Any = None
    _began: float = 0.0
    _said: float = field(default_factory=time.monotonic)

    def advance(self, source: str) -> None:
        """Counts one more frame of `source`."""
        now = time.monotonic()
        self.done += 1
        if self._bars is not None:
            self._bars.update(self._task, completed=self.done, source=printable(source))
        elif now - self._said >= EVERY:
            self._said = now
            of = "" if self.total is None else f" of {self.total}"
            console.note(f"{source}: {self.done}{of} {self.what}s, {self.speed:.1f} per second")

    def begin(self) -> None:
        """Starts the clock."""
        self._began = time.monotonic()

    def expect(self, total: int | None) -> None:
        """Corrects the total."""
        self.total = total
        if self._bars is not None:
            self._bars.update(self._task, total=total)

    @property
    def speed(self) -> float:
        """Frames per second so far."""
        return self.done / max(time.monotonic() - self._began, 1e-9)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hides the bar, so that the block can print to stdout or stderr."""
        if self._bars is None:
            yield
            return
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def frames(total: int | None, *, what: str = "frame", live: bool = True) -> Iterator[Frames]:
    """Shows progress over `total` frames; without `live`, plain lines even on a terminal."""
    stderr = console.stderr_console()
    progress = Frames(total, what)
    progress.begin()
    if not (live and stderr.is_terminal):
        yield progress
        return
    from rich import progress as rich_progress
    from rich.table import Column
    from rich.text import Text

    class Speed(rich_progress.ProgressColumn):
        def render(self, task: rich_progress.Task) -> Text:
            count = f"{task.completed:.0f}"
            if task.total is not None:
                count += f"/{task.total:.0f}"
            return Text(f"{count} {what}s  {progress.speed:5.1f} per second", style="cyan")

    room = max(8, min(40, stderr.width - 68))  # leaves space for the rest and Ctrl-C's echo
    name = Column(width=room, no_wrap=True, overflow="ellipsis")
    columns = (
        rich_progress.TextColumn("{task.fields[source]}", markup=False, table_column=name),
        rich_progress.BarColumn(bar_width=20),
        Speed(table_column=Column(no_wrap=True)),
        rich_progress.TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
    )
    with rich_progress.Progress(
        *columns,
        console=stderr,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bars:
        progress._bars = bars
        progress._task = bars.add_task("", total=total, source="")
        try:
            yield progress
        finally:
            progress._bars = None


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Yields a function that returns whether the user pressed Ctrl-C inside the block."""
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
