"""Measures how parity grows: with the number of pictures, and with the number of processes or of
Ray's nodes.

Every line is a run of `blazepalm parity` of its own, from nothing kept, on that many pictures (one
rendered picture, shifted by another number of pixels each time). The time for each picture beyond
the first, the memory of the largest process, and the size of the page and of the report's JSON
should not grow, nor should the time in which a browser opens the page. The raw outputs do grow:
they hold every number.
"""

import importlib.util
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from blazepalm.atomic import atomic_file
from blazepalm.errors import ArtifactError
from blazepalm.processor import processor_name
from blazepalm.reports.bench.commands import measure
from blazepalm.text import counted

RELEASE, SCENE = "palm-lite", "fist"
PICTURES = (1, 10, 100, 1000)
PROCESSES = (1, 2, 4, 8)
NODES = (1, 2, 4)
SHARED = 100  # pictures that several processes or nodes share
MOST_RAW = 1000  # pictures whose raw outputs are kept: some 0.7 MB each
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
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


def measure_growth(
    pictures: Sequence[int] = PICTURES,
    processes: Sequence[int] = PROCESSES,
    nodes: Sequence[int] = NODES,
    shared: int = SHARED,
    tally: Path | None = None,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> list[Growth]:
    """Runs each number of pictures in one process, then `shared` pictures in several and, where Ray
    is installed, on several nodes simulated on this machine. What the file `tally` holds is not run
    again; each run is added to it. `on_run` receives progress. Raises CouldNotVerify if a run
    fails, ArtifactError if `tally` is no such file or another machine's.
    """
    keys = {(count, 1, 0) for count in pictures} | {(shared, jobs, 0) for jobs in processes}
    if importlib.util.find_spec("ray") is not None:
        keys |= {(shared, count, count) for count in nodes}
    found = {} if tally is None else _read(tally)
    runs = sorted(keys - found.keys(), key=lambda key: (key[2], key[0], key[1]))
    with tempfile.TemporaryDirectory() as scratch:
        for number, key in enumerate(runs):
            on_run(number, len(runs))
            found[key] = _measured(key, Path(scratch))
            if tally is not None:
                with atomic_file(tally, force=True) as temporary:
                    temporary.write_bytes(msgspec.json.encode(_tally(found.values())))
    return sorted(found.values(), key=lambda run: (run.nodes, *run.key))


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


def _tally(found: Iterable[Growth]) -> Tally:
    return Tally(RELEASE, processor_name(), list(found))


def _read(path: Path) -> dict[Key, Growth]:
    """The runs of a tally; none of a file that does not exist yet."""
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


def _measured(key: Key, scratch: Path) -> Growth:
    count, workers, nodes = key
    folder = scratch / "pictures"
    _write_pictures(folder, count)
    raw = count <= MOST_RAW
    with tempfile.TemporaryDirectory(dir=scratch) as made, _cluster(nodes) as engine:
        report = Path(made) / "report"
        command = (sys.executable, "-m", "blazepalm", "parity", RELEASE, "--no-coreml")
        how = ("--no-cache", "--no-golden", "--jobs", str(workers), *(() if raw else ("--no-raw",)))
        where = ("--images", str(folder), "-o", str(report))
        run = measure((*command, *how, *engine, *where), str(scratch))
        page, values = ((report / name).stat().st_size for name in ("parity.html", "parity.json"))
        files = (path for path in (report / "raw").rglob("*") if path.is_file())
        return Growth(
            *key,
            run.seconds,
            run.processor_seconds,
            run.peak_bytes,
            page,
            seconds_to_open(report / "parity.html"),
            values,
            sum(path.stat().st_size for path in files) if raw else None,
        )


def seconds_to_open(page: Path) -> float | None:
    """How long headless Chromium, already started, takes until it has drawn a page; None where
    there is no Chromium or no playwright.
    """
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None or importlib.util.find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = browser.new_page()
        start = time.perf_counter()
        tab.goto(page.as_uri(), timeout=600_000)  # until all that it loads is there
        tab.screenshot(timeout=600_000)  # until it is drawn
        seconds = time.perf_counter() - start
        browser.close()
    return seconds


@contextmanager
def _cluster(nodes: int) -> Iterator[tuple[str, ...]]:
    """The options of parity for a Ray cluster of so many nodes, each with one processor, on this
    machine; none for 0.
    """
    if not nodes:
        yield ()
        return
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1)
        yield "--engine", "ray", "--address", cluster.address
    finally:
        cluster.shutdown()


def _write_pictures(folder: Path, count: int) -> None:
    """Makes the folder hold that many pictures."""
    from PIL import Image

    folder.mkdir(exist_ok=True)
    there = sum(1 for _ in folder.iterdir())
    for number in range(count, there):
        (folder / f"{number:06d}.jpg").unlink()
    if there >= count:
        return
    image = _scene()
    for number in range(there, count):
        shifted = np.roll(image, (number % 97, number // 97), (0, 1))
        Image.fromarray(shifted).save(folder / f"{number:06d}.jpg", quality=90)


def _scene() -> np.ndarray:
    from blazepalm.golden.cases import CASES, draw_case

    (plan,) = (plan for plan in CASES if plan.name == SCENE)
    return draw_case(plan)[0]
