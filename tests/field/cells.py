"""The cells: one tool on one release, each measured by itself and kept in a file of JSON.

`conversion`: whether the release converts, in what time and memory beside `blazepalm convert
--no-coreml` in the same round, and how far the result is from LiteRT. `speed-1` and `speed-2`: the
result beside LiteRT on the same images with so many threads, in turns; with one thread in
processor time, which other load on the machine moves little. `picture`: MediaPipe's whole pipeline
beside blazepalm's. Ratios are medians of the rounds' ratios, between their quartiles.

A cell that is there is not measured again, unless its environment was missing and now is not.
"""

import itertools
import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.reports.bench.commands import Run
from field.environments import BUILT, missing, python_of
from field.process import FailedError, Worker, measure
from field.reference import COUNT
from field.tools import BLAZEPALM, OWN, PIPELINES, TOOLS, Command, Pipeline, Tool
from support.models import EMBEDDED, ROOT, SHARED, models_folder
from support.whole_file import write_whole

CELLS, MADE, REFERENCE = BUILT / "cells", BUILT / "made", BUILT / "reference"
WORKERS, SUPPORT = Path(__file__).with_name("workers"), ROOT / "tests" / "support"
THREADS, BATCHES = (1, 2), (1, 32)
KINDS = ("conversion", *(f"speed-{threads}" for threads in THREADS), "picture")
ROUNDS = {1: 15, 32: 5}  # of a batch
CONVERSIONS = 3  # rounds of a conversion
PICTURES = 30  # rounds of a picture
Cell = dict[str, Any]


def release_files() -> dict[str, Path]:
    """The releases that are here: those of the package first."""
    found = {}
    for digits in sorted(SHARED, key=lambda digits: digits not in EMBEDDED):
        files = sorted(models_folder().glob(f"{digits}_*.tflite"))
        if digits in EMBEDDED:
            files.append(ROOT / "models" / "weights" / EMBEDDED[digits])
        if files:
            found[SHARED[digits]] = files[0]
    return found


def run_all(
    tools: Sequence[str], releases: Sequence[str], rounds: int | None, kinds: Sequence[str]
) -> None:
    """Measures every cell of these (empty: all) that is not there yet."""
    files = {
        name: file for name, file in release_files().items() if not releases or name in releases
    }
    chosen = [tool for tool in TOOLS if not tools or tool.name in tools]
    for release in list(files) if chosen else ():
        try:
            reference_of(release, files[release])
        except FailedError as error:
            print(f"{release} is left out: {error}", file=sys.stderr)
            del files[release]
    for release, tool in itertools.product(files, chosen):
        if tool.releases and release not in tool.releases:
            continue
        if "conversion" in kinds:
            cell(tool, release, "conversion", partial(conversion, tool, release, rounds))
        for threads in THREADS:
            kind = f"speed-{threads}"
            if kind in kinds and converts(tool.name, release):
                cell(
                    tool, release, kind, lambda t=tool, r=release, n=threads: speed(t, r, n, rounds)
                )
    for pipeline in PIPELINES:
        if "picture" in kinds and (not tools or pipeline.name in tools):
            cell(pipeline, "", "picture", partial(picture, pipeline, rounds))


def cell(tool: Tool | Pipeline, release: str, kind: str, make: Callable[[], Cell]) -> Cell:
    """The cell as it is kept, else as it is measured now; then it is kept."""
    path = CELLS / f"{file_name(tool.name)}.{release or 'pipeline'}.{kind}.json"
    names = tool.environments if isinstance(tool, Tool) else {tool.name}
    absent = next(filter(None, map(missing, sorted(names))), None)
    if path.is_file():
        kept: Cell = json.loads(path.read_text(encoding="utf-8"))
        if not kept.get("missing") or absent:
            return kept
    print(f"{tool.name} · {release or 'a picture'} · {kind}", file=sys.stderr, flush=True)
    facts: Cell = {"tool": tool.name, "release": release, "kind": kind}
    if absent:
        facts["missing"] = absent
    else:
        try:
            facts |= make()
        except FailedError as error:
            facts["error"] = str(error)
    facts["load"] = round(os.getloadavg()[0], 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(facts, indent=1) + "\n")
    return facts


def converts(tool: str, release: str) -> bool:
    path = CELLS / f"{file_name(tool)}.{release}.conversion.json"
    return path.is_file() and "floors" in json.loads(path.read_text(encoding="utf-8"))


def file_name(tool: str) -> str:
    return tool.replace(", ", "+").replace(" ", "-")


def conversion(tool: Tool, release: str, rounds: int | None) -> Cell:
    """Converts beside blazepalm, in turns, then compares the outputs with LiteRT's."""
    reference = REFERENCE / release
    model = reference / f"{release}.tflite"
    folder = MADE / file_name(tool.name) / release
    ours = next(tool for tool in TOOLS if tool.name == BLAZEPALM)
    facts: Cell = {}
    pairs: list[tuple[Run, Run]] = []
    for _ in range((rounds or CONVERSIONS) if tool.timed else 1):
        try:
            theirs = convert(tool.steps, model, folder)
        except FailedError as error:
            return {"error": str(error)}
        if tool.timed:
            beside = convert(ours.steps, model, BUILT / "beside") if tool != ours else theirs
            pairs.append((beside, theirs))
    if pairs:
        facts["rounds"] = len(pairs)
        facts["seconds"] = statistics.median(theirs.seconds for _, theirs in pairs)
        facts["peak_bytes"] = int(statistics.median(theirs.peak_bytes for _, theirs in pairs))
        facts["time_ratio"] = spread(b.seconds / a.seconds for a, b in pairs)
        facts["memory_ratio"] = spread(b.peak_bytes / a.peak_bytes for a, b in pairs)
    try:
        with worker(tool.runs, folder, reference, 1) as running:
            facts["batched"] = running.ready()["batched"]
            outputs = folder / "outputs.npz"
            running.ask(outputs=str(outputs), count=COUNT)
        facts |= differences(outputs, reference / "answers.npz")
    except FailedError as error:
        facts["run_error"] = str(error)
    return facts


def convert(steps: Iterable[Command], model: Path, folder: Path) -> Run:
    """The steps' time together, and the largest memory of one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    places = {"model": model, "out": folder, "workers": WORKERS, "support": SUPPORT}
    costs = []
    for name, arguments in steps:
        command = [python_of(name), *(argument.format(**places) for argument in arguments)]
        # nothing that an earlier conversion kept may help
        costs.append(measure(command, {**variables(), "BLAZEPALM_CACHE": str(folder / "cache")}))
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return Run(
        sum(cost.seconds for cost in costs),
        max(cost.peak_bytes for cost in costs),
        sum(cost.processor_seconds for cost in costs),
    )


def reference_of(release: str, file: Path) -> Path:
    """The folder that `reference` makes, made now if it is not there."""
    folder = REFERENCE / release
    if not (folder / "answers.npz").is_file():
        command = [python_of(OWN), "-m", "field.reference", file, folder]
        measure(command, variables())
    return folder


def differences(outputs: Path, answers: Path) -> Cell:
    """The largest difference to LiteRT in floors, and as a share of an output's peak. A tool may
    have renamed and reordered the outputs: of those of one size, the order with the smallest
    differences counts.
    """
    with np.load(outputs) as found, np.load(answers) as expected:
        theirs = [found[name] for name in found.files]
        names = [name for name in expected.files if not name.endswith(" floor")]
        wanted = [(expected[name], float(expected[f"{name} floor"])) for name in names]
    sizes = sorted(value.shape[1] for value in theirs)
    if sizes != sorted(value.shape[1] for value, _ in wanted):
        raise FailedError(f"has outputs of {sizes} values, the file others")
    best = (np.inf, np.inf)
    for order in itertools.permutations(theirs):
        if any(a.shape != b.shape for a, (b, _) in zip(order, wanted, strict=True)):
            continue
        errors = [np.abs(a - b).max() for a, (b, _) in zip(order, wanted, strict=True)]
        floors = max(e / floor for e, (_, floor) in zip(errors, wanted, strict=True))
        peaks = (max(np.abs(value).max(), 1e-30) for value, _ in wanted)
        relative = max(e / peak for e, peak in zip(errors, peaks, strict=True))
        best = min(best, (float(floors), float(relative)))
    if not np.isfinite(best).all():
        raise FailedError("gives numbers that are not finite")
    return {"floors": best[0], "relative": best[1]}


def speed(tool: Tool, release: str, threads: int, rounds: int | None) -> Cell:
    """The seconds of an image, and their ratio to LiteRT's, for each batch."""
    reference, folder = REFERENCE / release, MADE / file_name(tool.name) / release
    rows = []
    with (
        worker((OWN, "run_litert.py"), reference / "runs", reference, threads) as litert,
        worker(tool.runs, folder, reference, threads) as theirs,
    ):
        litert.ready()
        batched = theirs.ready()["batched"]
        for batch in BATCHES:
            pairs = in_turns(litert, theirs, rounds or ROUNDS[batch], batch=batch)
            rows.append(
                {
                    "batch": batch,
                    "batched": batched,
                    "rounds": len(pairs),
                    "litert_seconds": statistics.median(a for a, _ in pairs) / batch,
                    "seconds": statistics.median(b for _, b in pairs) / batch,
                    "ratio": spread(b / a for a, b in pairs),
                }
            )
    return {"threads": threads, "speed": rows}


def picture(pipeline: Pipeline, rounds: int | None) -> Cell:
    """A rendered hand, 640 × 480, each picture on its own: MediaPipe's time to blazepalm's."""
    image = BUILT / "picture.npy"
    if not image.is_file():
        command = [python_of(OWN), WORKERS / "render_picture.py", image]
        measure(command, variables())
    ours = [python_of(OWN), WORKERS / "run_blazepalm_pipeline.py", image, pipeline.rule]
    theirs = [python_of(pipeline.name), WORKERS / pipeline.worker, image]
    with (
        Worker(ours, variables(), BUILT) as blazepalm,
        Worker(theirs, variables(), BUILT) as mediapipe,
    ):
        blazepalm.ready(), mediapipe.ready()
        pairs = in_turns(blazepalm, mediapipe, rounds or PICTURES)
        found, expected = (np.array(w.ask(hands=True)["hands"]) for w in (blazepalm, mediapipe))
    if found.shape != expected.shape:
        raise FailedError(f"finds {len(expected)} hands, blazepalm {len(found)}")
    return {
        "rounds": len(pairs),
        "hands": len(found),
        "largest_pixels": float(np.abs(found - expected).max()) if len(found) else 0.0,
        "seconds": statistics.median(b for _, b in pairs),
        "ratio": spread(a / b for a, b in pairs),  # blazepalm's
    }


def in_turns(
    first: Worker, second: Worker, rounds: int, **request: Any
) -> list[tuple[float, float]]:
    """Seconds of both in each round, after one that is not counted; who begins alternates."""
    pairs = []
    for turn in range(1 + rounds):
        workers = (first, second) if turn % 2 else (second, first)
        seconds = [each.ask(**request)["seconds"] for each in workers]
        pairs.append((seconds[0], seconds[1]) if turn % 2 else (seconds[1], seconds[0]))
    return pairs[1:]


def spread(values: Iterable[float]) -> dict[str, float]:
    """The median and the quartiles."""
    given = list(values)
    if len(given) == 1:
        return dict.fromkeys(("median", "low", "high"), given[0])
    low, median, high = statistics.quantiles(given, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def worker(runs: tuple[str, str], folder: Path, reference: Path, threads: int) -> Worker:
    name, script = runs
    images = reference / "images.npy"
    command = [python_of(name), WORKERS / script, folder, images, str(threads)]
    return Worker(command, variables(), folder)


def variables() -> dict[str, str]:
    """The environment of every process: blazepalm's checkout, no chatter of TensorFlow."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
