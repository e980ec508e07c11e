"""The runs of `bench growth`: kept as JSON, and shown as a table."""

import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from blazepalm.atomic import atomic_file
from blazepalm.errors import ArtifactError
from blazepalm.processor import processor_name
from blazepalm.text import counted

RELEASE = "palm-lite"
BEGIN, END = "<!-- made by blazepalm bench growth -->", "<!-- end -->"
MEGABYTE = 1e6
HEAD = (
    *("pictures", "workers", "s", "processor s", "ms of processor for each beyond the first"),
    *("MB of memory", "page, MB", "s to open it", "JSON, MB", "raw outputs, MB"),
)
Key = tuple[int, int, int]  # pictures, workers, Ray's nodes


@dataclass(frozen=True)
class Growth:
    """One run by `workers` processes, or on as many of Ray's `nodes` (0: without Ray): wall-clock
    seconds; seconds of processor of the command and its processes (with Ray not of the nodes', so
    not shown); the peak of the largest of these processes; what was written, and the seconds in
    which a browser shows the page. None: not kept, not measured.
    """

    pictures: int
    workers: int
    nodes: int
    seconds: float
    processor_seconds: float
    peak_bytes: int
    page_bytes: int
    page_seconds: float | None
    report_bytes: int
    raw_bytes: int | None

    @property
    def key(self) -> Key:
        return self.pictures, self.workers, self.nodes


class Tally(msgspec.Struct, forbid_unknown_fields=True):
    """All runs, as JSON."""

    release: str
    processor: str
    runs: list[Growth]


def markdown(found: Sequence[Growth]) -> str:
    """The runs as a Markdown table, with the machine."""
    lines = [
        f"{RELEASE} in float32, {platform.system()} {platform.machine()}, {processor_name()}:",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---:|---|" + "---:|" * (len(HEAD) - 2),
    ]
    alone = {run.workers: run for run in found if run.pictures == 1 and not run.nodes}
    for run in found:
        first, processor, each = alone.get(run.workers), "", ""
        if not run.nodes:
            processor = f"{run.processor_seconds:.1f}"
            if first is not None and run.pictures > 1:
                more = run.processor_seconds - first.processor_seconds
                each = f"{1e3 * more / (run.pictures - 1):.0f}"
        opened = "" if run.page_seconds is None else f"{run.page_seconds:.1f}"
        workers = counted(run.workers, "process")
        if run.nodes:
            workers = f"{counted(run.nodes, 'node')} of Ray"
        cells = [
            f"{run.pictures:,}",
            workers,
            *(f"{run.seconds:.1f}", processor, each, _megabytes(run.peak_bytes)),
            *(_megabytes(run.page_bytes), opened, _megabytes(run.report_bytes)),
            "not kept" if run.raw_bytes is None else _megabytes(run.raw_bytes),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def values(found: Sequence[Growth]) -> dict[str, Any]:
    """The runs as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(_tally(found))
    return plain


def write_into(path: Path, text: str) -> None:
    """Replaces what stands between the two marks of a page. Raises ArtifactError without them."""
    try:
        page = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: cannot be read as a page: {error}") from error
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not between.search(page):
        raise ArtifactError(f"{path}: has no lines {BEGIN!r} and {END!r} to write between")
    with atomic_file(path) as temporary:
        whole = between.sub(lambda _: f"{BEGIN}\n{text}{END}", page, count=1)
        temporary.write_text(whole, encoding="utf-8")


def write_tally(path: Path, found: Iterable[Growth]) -> None:
    """Replaces a tally."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(_tally(found)))


def _tally(found: Iterable[Growth]) -> Tally:
    return Tally(RELEASE, processor_name(), list(found))


def read_tally(path: Path) -> dict[Key, Growth]:
    """The runs of a tally; none of a file that does not exist yet. Raises ArtifactError if the file
    is no tally or another machine's.
    """
    if not path.exists():
        return {}
    try:
        tally = msgspec.json.decode(path.read_bytes(), type=Tally)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArtifactError(f"{path}: is no tally of `bench growth` ({error})") from error
    if (tally.release, tally.processor) != (RELEASE, processor_name()):
        raise ArtifactError(
            f"{path}: was measured with {tally.release} on {tally.processor}, not with {RELEASE} "
            f"on {processor_name()}; choose another file"
        )
    return {run.key: run for run in tally.runs}


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.3g}"
