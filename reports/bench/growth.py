"""Measures how parity grows: with the number of pictures, and with the number of processes or of
Ray's nodes.

Every line is a run of `blazepalm parity` of its own, from nothing kept, on that many pictures (one
rendered picture, shifted by another number of pixels each time). The time for each picture beyond
the first, the memory of the largest process, and the size of the page and of the report's JSON
should not grow, nor should the time in which a browser opens the page. The raw outputs do grow:
they hold every number.
"""

import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from blazepalm.reports.bench.commands import measure
from blazepalm.reports.bench.growth_table import RELEASE, Growth, Key, read_tally, write_tally

SCENE = "fist"
PICTURES = (1, 10, 100, 1000)
PROCESSES = (1, 2, 4, 8)
NODES = (1, 2, 4)
SHARED = 100  # pictures that several processes or nodes share
MOST_RAW = 1000  # pictures whose raw outputs are kept: some 0.7 MB each
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


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
    found = {} if tally is None else read_tally(tally)
    runs = sorted(keys - found.keys(), key=lambda key: (key[2], key[0], key[1]))
    with tempfile.TemporaryDirectory() as scratch:
        for number, key in enumerate(runs):
            on_run(number, len(runs))
            found[key] = _measured(key, Path(scratch))
            if tally is not None:
                write_tally(tally, found.values())
    return sorted(found.values(), key=lambda run: (run.nodes, *run.key))


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
