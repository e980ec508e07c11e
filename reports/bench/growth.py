"""Measures how parity grows: with the number of pictures, and with the number of processes.

Every line is a run of `blazepalm parity` of its own, from nothing kept, on that many pictures (one
rendered picture, shifted by another number of pixels each time). The time for each picture beyond
the first, the memory of the largest process, and the size of the page and of the report's JSON
should not grow. The raw outputs do: they hold every number.
"""

import platform
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.atomic import atomic_file
from blazepalm.errors import ArtifactError
from blazepalm.processor import processor_name
from blazepalm.reports.bench.commands import measure

RELEASE, SCENE = "palm-lite", "fist"
PICTURES = (1, 10, 100, 1000)
PROCESSES = (1, 2, 4)
SHARED = 100  # pictures that several processes share
BEGIN, END = "<!-- made by blazepalm bench growth -->", "<!-- end -->"
MEGABYTE = 1e6


@dataclass(frozen=True)
class Growth:
    """One run: its wall-clock seconds, the peak of its largest process, and what it wrote."""

    pictures: int
    processes: int
    seconds: float
    peak_bytes: int
    page_bytes: int
    report_bytes: int
    raw_bytes: int


def measure_growth(
    pictures: Sequence[int] = PICTURES,
    processes: Sequence[int] = PROCESSES,
    shared: int = SHARED,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> list[Growth]:
    """Runs each number of pictures in one process, then `shared` pictures in several. `on_run`
    receives progress. Raises CouldNotVerify if a run fails.
    """
    runs = [(count, 1) for count in pictures]
    runs += [(shared, jobs) for jobs in processes if (shared, jobs) not in runs]
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pictures"
        folder.mkdir()
        for number, (count, jobs) in enumerate(sorted(runs)):
            on_run(number, len(runs))
            _write_pictures(folder, count)
            found.append(_measured(count, jobs, folder, Path(scratch)))
    return found


def markdown(found: Sequence[Growth]) -> str:
    """The runs as a Markdown table, with the machine."""
    lines = [
        f"{RELEASE} in float32, {platform.system()} {platform.machine()}, {processor_name()}:",
        "",
        "| pictures | processes | s | ms for each beyond the first | MB of memory | page, MB "
        "| JSON, MB | raw outputs, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    alone = {run.processes: run for run in found if run.pictures == 1}
    for run in found:
        first, each = alone.get(run.processes), ""
        if first is not None and run.pictures > 1:
            each = f"{1e3 * (run.seconds - first.seconds) / (run.pictures - 1):.0f}"
        sizes = (run.peak_bytes, run.page_bytes, run.report_bytes, run.raw_bytes)
        shown = " | ".join(f"{size / MEGABYTE:.3g}" for size in sizes)
        lines.append(f"| {run.pictures} | {run.processes} | {run.seconds:.1f} | {each} | {shown} |")
    return "\n".join(lines) + "\n"


def values(found: Sequence[Growth]) -> dict[str, Any]:
    """The runs as plain values."""
    return {"release": RELEASE, "processor": processor_name(), "runs": [asdict(r) for r in found]}


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


def _measured(count: int, jobs: int, folder: Path, scratch: Path) -> Growth:
    report = scratch / f"report-{count}-{jobs}"
    command = (sys.executable, "-m", "blazepalm", "parity", RELEASE, "--no-coreml", "--no-cache")
    where = ("--no-golden", "--images", str(folder), "--jobs", str(jobs), "-o", str(report))
    run = measure((*command, *where), str(scratch))
    raw = sum(path.stat().st_size for path in (report / "raw").rglob("*") if path.is_file())
    page, values = ((report / name).stat().st_size for name in ("parity.html", "parity.json"))
    return Growth(count, jobs, run.seconds, run.peak_bytes, page, values, raw)


def _write_pictures(folder: Path, count: int) -> None:
    """Adds pictures up to `count`."""
    from PIL import Image

    there = sum(1 for _ in folder.iterdir())
    image = _scene()
    for number in range(there, count):
        shifted = np.roll(image, (number % 97, number // 97), (0, 1))
        Image.fromarray(shifted).save(folder / f"{number:06d}.jpg", quality=90)


def _scene() -> np.ndarray:
    from blazepalm.golden.cases import CASES, draw_case

    (plan,) = (plan for plan in CASES if plan.name == SCENE)
    return draw_case(plan)[0]
