"""Printing for every command: results to stdout; progress, warnings and errors to stderr.

rich draws on a terminal; elsewhere the output is plain lines, so that a log stays readable. Names
from files are not trusted: `printable` escapes terminal control sequences, and nothing printed
here is parsed as rich markup.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from blazepalm.text import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# where a message of several lines goes on: all but the first are indented, or list another operator
OWN_LINES = re.compile(r"\n(?=  |unsupported )")

BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell reports it

Progress = Callable[[int, int | None], None]  # (done, total); total None: unknown
OnStep = Callable[[str, int, int | None], None]  # (step's name, done, total)


def stdout_console() -> "Console":
    """A rich console on the current stdout; exits quietly if the pipe's reader is gone."""
    return _console(sys.stdout)


def stderr_console() -> "Console":
    """A rich console on the current stderr."""
    return _console(sys.stderr)


def out(*renderables: "RenderableType") -> None:
    """Prints results. A plain string is text, never markup."""
    console = stdout_console()
    for renderable in renderables:
        console.print(renderable, markup=False, highlight=False, soft_wrap=_is_text(renderable))


def emit_json(values: Any) -> None:
    """Prints one JSON document; `--json` prints nothing else to stdout."""
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    text = "\n".join(map(printable_json, text.split("\n")))
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        quit_quietly()


def warn(message: str) -> None:
    """Prints a warning to stderr; the command continues."""
    _labelled("warning", "yellow", message)


def error(message: str) -> None:
    """Prints an error to stderr; the exit code will not be 0."""
    _labelled("error", "bold red", message)


def note(message: str) -> None:
    """Prints a plain line to stderr."""
    stderr_console().print(printable(message), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def working(message: str) -> Iterator[None]:
    """Shows `message` on stderr while the block runs: a spinner, or one plain line."""
    console = stderr_console()
    if console.is_terminal:
        from rich.text import Text

        with console.status(Text(printable(message))):
            yield
    else:
        note(message)
        yield


@contextmanager
def transfer(name: str) -> Iterator[Progress]:
    """Shows progress in bytes on stderr: a bar, or a plain line for each quarter."""
    console = stderr_console()
    if not console.is_terminal:
        yield _plain_transfer(name)
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=console) as bars:
        task = bars.add_task(printable(name), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _plain_transfer(name: str) -> Progress:
    shown = -1

    def report(done: int, total: int | None) -> None:
        nonlocal shown
        step = done * 4 // total if total else done >> 20  # quarters, or megabytes
        if step > shown:
            shown = step
            note(f"{name}: {done} of {total or 'unknown'} bytes")

    return report


@contextmanager
def progress() -> Iterator[OnStep]:
    """Shows steps on stderr: a bar for each on a terminal, else a plain line for each quarter."""
    stderr = stderr_console()
    if not stderr.is_terminal:
        yield _plain_progress
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
    )
    with Progress(*columns, console=stderr, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def on_step(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                for task in bars.tasks:
                    if task.total is None:  # a step of unknown length ends where another begins
                        bars.update(
                            task.id, total=max(task.completed, 1), completed=max(task.completed, 1)
                        )
                tasks[what] = bars.add_task(printable(what), total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield on_step


def _plain_progress(what: str, done: int, total: int | None) -> None:
    if not total:
        if done % 25 == 0:
            note(f"{what}: {done}" if done else what)
    elif done and done * 4 // total != (done - 1) * 4 // total:
        note(f"{what}: {done} of {total}")


def quit_quietly() -> NoReturn:
    """Exits as if killed by SIGPIPE; nothing more is written, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(BROKEN_PIPE)


def _labelled(label: str, style: str, message: str) -> None:
    from rich.text import Text

    lines = OWN_LINES.split(message)  # a name's own newline would make a line that we never said
    text = Text.assemble((f"{label}: ", style), "\n".join(map(printable, lines)))
    stderr_console().print(text, soft_wrap=True)


def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    class QuietConsole(Console):
        def on_broken_pipe(self) -> None:
            quit_quietly()

    return QuietConsole(file=stream, emoji=False, markup=False)


def _is_text(renderable: "RenderableType") -> bool:
    from rich.text import Text

    return isinstance(renderable, str | Text)
