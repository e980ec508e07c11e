"""The cells as tables: all facts to `docs/performance.json`, the tables to `docs/performance.md`
between its marks.
"""

import itertools
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from blazepalm.processor import processor_name
from field.cells import BATCHES, CELLS, THREADS
from field.environments import BUILT
from field.tools import ENVIRONMENTS, PIPELINES, TOOLS
from support.models import ROOT, SHARED
from support.whole_file import write_whole

BEGIN, END = "<!-- made by make bench-field -->", "<!-- end -->"
PAGE, FACTS = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.json"
HERE = ("ai-edge-litert", "torch", "executorch")  # in blazepalm's own environment
NOTHING, FAILED = "–", "✗"
Cell = dict[str, Any]


def write() -> None:
    """Writes both files, from the cells that there are."""
    facts = {
        "machine": {"processor": processor_name(), "processors": os.cpu_count()},
        "versions": {name: version(name) for name in HERE},
        "environments": {
            name: [*made.packages, *made.alone] for name, made in sorted(ENVIRONMENTS.items())
        },
        "cells": [json.loads(path.read_text("utf-8")) for path in sorted(CELLS.glob("*.json"))],
    }
    BUILT.mkdir(parents=True, exist_ok=True)
    write_whole(FACTS, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    write_whole(PAGE, inserted(PAGE.read_text(encoding="utf-8"), markdown(facts)))


def inserted(page: str, tables: str) -> str:
    """The page with these tables between its marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert begin and end, f"{PAGE.name} has lost its marks"
    return f"{head}{BEGIN}\n\n{tables}\n{END}{tail}"


def markdown(facts: Cell) -> str:
    """All tables of the facts that `write` keeps."""
    cells = {(c["tool"], c["release"], c["kind"]): c for c in facts["cells"]}
    machine = facts["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    busy = max((c.get("load", 0) for c in facts["cells"]), default=0)
    parts = [
        f"On {machine['processor']}, {machine['processors']} processors; {versions}; the versions "
        "of each tool are in [performance.json](performance.json). The machine's load while it was "
        f"measured was {busy:g} at most"
        + (", so times are rough." if busy > 2 * machine["processors"] else "."),
        *_conversions(cells),
        *_speeds(cells),
        *_pictures(cells),
    ]
    return "\n\n".join(parts) + "\n"


def _conversions(cells: dict[tuple[str, str, str], Cell]) -> list[str]:
    releases = [name for name in SHARED.values() if any(r == name for _, r, _ in cells)]
    exact, cost = [], []
    failures: dict[str, list[str]] = {}
    for tool in TOOLS:
        found = [cells.get((tool.name, release, "conversion")) for release in releases]
        if not any(found):
            continue
        exact.append((tool.name, *map(_exactness, found)))
        if any(c and "time_ratio" in c for c in found):
            cost.append((tool.name, *map(_cost, found)))
        for release, c in zip(releases, found, strict=True):
            if reason := c and (c.get("missing") or c.get("error") or c.get("run_error")):
                stage = "converts, then: " if c and c.get("run_error") else ""
                failures.setdefault(f"{tool.name}: {stage}`{reason}`", []).append(release)
    if not exact:
        return []
    parts = [
        "### Which releases convert, and how exactly",
        "The largest difference to LiteRT in floors, on three seeded images; in brackets as a "
        f"share of the output's peak. {FAILED}: does not convert, or does not run (reasons below); "
        f"{NOTHING}: not for this release, or not measured yet.",
        grid(("tool", *releases), exact),
        "\n".join(f"- {what} ({', '.join(names)})" for what, names in failures.items()),
        "### What a conversion costs",
        "Time / peak memory of the whole processes, as multiples of `blazepalm convert "
        "--no-coreml` in the same round; medians, with the quartiles of more than one round.",
        grid(("tool", *releases), cost),
    ]
    return [part for part in parts if part]


def _exactness(c: Cell | None) -> str:
    if c is None:
        return NOTHING
    if "floors" not in c:
        return FAILED
    return f"{c['floors']:.3g} ({c['relative']:.1g})"


def _cost(c: Cell | None) -> str:
    if c is None or "time_ratio" not in c:
        return NOTHING
    return f"{_ratio(c['time_ratio'])} / {_ratio(c['memory_ratio'])}"


def _ratio(spread: dict[str, float]) -> str:
    text = f"{spread['median']:.2f}"
    if spread["low"] == spread["high"]:
        return text
    return f"{text} ({spread['low']:.2f}–{spread['high']:.2f})"


def _speeds(cells: dict[tuple[str, str, str], Cell]) -> list[str]:
    rows, columns = [], [(threads, batch) for threads in THREADS for batch in BATCHES]
    for release, tool in itertools.product(SHARED.values(), TOOLS):
        found = [cells.get((tool.name, release, f"speed-{threads}")) for threads in THREADS]
        if not any(found):
            continue
        texts = []
        for threads, batch in columns:
            c = found[THREADS.index(threads)]
            row = next((row for row in (c or {}).get("speed", ()) if row["batch"] == batch), None)
            if row is None:
                texts.append(FAILED if c else NOTHING)
            else:
                texts.append(_ratio(row["ratio"]) + " ¹" * (batch > 1 and not row["batched"]))
        rows.append((release, tool.name, *texts))
    if not rows:
        return []
    heads = [
        f"{threads} thread{'s' * (threads > 1)}, {'one image' if batch == 1 else f'{batch} images'}"
        for threads, batch in columns
    ]
    alone = any("¹" in text for row in rows for text in row)
    return [
        "### How fast the results are",
        "The time of an image, as a multiple of LiteRT's on the same images with as many threads, "
        "in turns in one run (below 1 is faster than LiteRT): of the processor with one thread, by "
        "the clock with more. Medians, with quartiles. LiteRT takes the images of a batch one "
        "after the other, since the files are made for one.",
        grid(("release", "tool", *heads), rows),
        *(["¹ One image after the other: a batch fails, or changes the answers."] * alone),
    ]


def _pictures(cells: dict[tuple[str, str, str], Cell]) -> list[str]:
    rows = []
    for pipeline in PIPELINES:
        c = cells.get((pipeline.name, "", "picture"))
        if c is None:
            continue
        if "ratio" in c:
            apart = f"{c['largest_pixels']:.3g} px"
            rows.append((pipeline.name, str(c["hands"]), apart, _ratio(c["ratio"])))
        else:
            rows.append((pipeline.name, FAILED, c.get("missing") or c["error"], NOTHING))
    if not rows:
        return []
    return [
        "### A picture, MediaPipe beside blazepalm",
        "A rendered hand of 640 × 480 pixels, palm-full and hand-full; blazepalm's time over "
        "LiteRT as a multiple of MediaPipe's in the same round.",
        grid(("MediaPipe", "hands", "landmarks apart, at most", "time"), rows),
    ]


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = (head, ("---",) * len(head), *rows)
    escaped = ([text.replace("|", "\\|") for text in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
