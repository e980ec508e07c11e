"""Measures the time per frame in the hand pipeline with LiteRT, as a ratio to MediaPipe's
`Hands.process` on the same image with as many threads.

MediaPipe needs a separate environment; BLAZEPALM_MEDIAPIPE_PYTHON names the interpreter of one
with `mediapipe==0.10.21`. Frames of the two alternate, so that other load on the machine affects
both; the figure is the median of the ratios of neighbouring frames. blazepalm's time outside the
networks is measured separately beforehand, stage by stage: the processor's, with freed memory kept
and crops made by the compiled kernel, as `detect` does in a long video. Without MediaPipe, only
blazepalm's times are measured.
"""

import dataclasses
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from blazepalm.errors import CouldNotVerify
from blazepalm.freed_memory import keep_freed_memory
from blazepalm.reports.bench import stages
from blazepalm.reports.bench.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from rich.table import Table

    from blazepalm.models.runners import HandModels, Runner

INTERPRETER = "BLAZEPALM_MEDIAPIPE_PYTHON"
ROUNDS = 60
WARM_UP = 5
RATIO_LIMIT = 1.0
# seconds per frame outside the networks; on a slower machine as a share of MediaPipe's whole frame
# in the same run, which took 20 ms on the machine that the limit was set on
OWN_LIMIT, OWN_SHARE = 1.2e-3, 1.2 / 20
COMPLEXITIES = {0: ("palm-lite", "hand-lite"), 1: ("palm-full", "hand-full")}

# runs in MediaPipe's environment. Arguments: an image's path, complexity, mode; one time per line
THEIRS = """
import sys, time, numpy, mediapipe
image = numpy.load(sys.argv[1])
hands = mediapipe.solutions.hands.Hands(
    static_image_mode=sys.argv[3] == "static", max_num_hands=2, model_complexity=int(sys.argv[2]))
for line in sys.stdin:
    start = time.perf_counter()
    result = hands.process(image)
    seconds = time.perf_counter() - start
    print(seconds, len(result.multi_hand_landmarks or ()), flush=True)
"""


@dataclass(frozen=True)
class Result:
    """Medians over the rounds, in seconds; `own_seconds` is the processor's time outside the
    networks, `stages` its parts, and `ratio` is None without MediaPipe.
    """

    complexity: int
    mode: str  # "static": each frame on its own; "video": hands are tracked
    hands: int
    seconds: float
    own_seconds: float
    mediapipe_seconds: float | None
    ratio: float | None
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether both figures are within their limits."""
        if self.ratio is None or self.mediapipe_seconds is None:
            return self.own_seconds <= OWN_LIMIT
        light = self.own_seconds <= max(OWN_LIMIT, OWN_SHARE * self.mediapipe_seconds)
        return light and self.ratio <= RATIO_LIMIT


def run(rounds: int | None = None) -> Findings:
    """Raises CouldNotVerify as `bench_pipeline` does."""
    from rich.console import Group

    results = bench_pipeline(rounds or ROUNDS)
    rows = [{**asdict(result), "passed": result.passed} for result in results]
    shown = Group(table(results), stages.table([(named(r), r.stages) for r in results]))
    return Findings({"pipeline": rows}, shown, all(result.passed for result in results))


def bench_pipeline(rounds: int = ROUNDS, python: str | None = None) -> list[Result]:
    """One rendered 640×480 image of one hand, both complexities, both modes, one thread.

    `python`: an interpreter with MediaPipe; default: BLAZEPALM_MEDIAPIPE_PYTHON. Raises
    CouldNotVerify if it does not run.
    """
    from blazepalm.golden.camera import View
    from blazepalm.golden.poses import POSES
    from blazepalm.golden.render import render_hand

    keep_freed_memory()
    python = python or os.environ.get(INTERPRETER)
    image = render_hand(POSES["open"], View(8, 5, -6), size=(480, 640)).image
    return [
        _measure(image, complexity, mode, rounds, python)
        for complexity in COMPLEXITIES
        for mode in ("static", "video")
    ]


def _measure(
    image: "NDArray[np.uint8]", complexity: int, mode: str, rounds: int, python: str | None
) -> Result:
    from blazepalm.models.hand_pipeline import HandPipeline, HandTracker
    from blazepalm.reports.forms.compiled.warp import quickest_warp
    from blazepalm.reports.hands.open_models import open_hand_models

    opened = open_hand_models(*COMPLEXITIES[complexity], "tflite")
    models, inside = _timed(dataclasses.replace(opened, warp=quickest_warp()))
    pipeline = HandPipeline(models) if mode == "static" else HandTracker(models)

    def process() -> tuple[float, float, int]:
        """Seconds, the processor's seconds outside the networks, and hands."""
        inside.clear()
        start, busy = time.perf_counter(), time.thread_time()
        hands = pipeline(image)
        own = time.thread_time() - busy - sum(inside)
        return time.perf_counter() - start, own, len(hands)

    alone, frames = [], []
    with stages.timed_stages() as spent:
        for _ in range(WARM_UP + rounds):
            spent.clear()
            alone.append(process())
            frames.append(dict(spent))
    alone, frames = alone[WARM_UP:], frames[WARM_UP:]
    found = alone[-1][2]
    ours, theirs = [seconds for seconds, _, _ in alone], []
    with mediapipe(python, image, complexity, mode) as theirs_once:
        if theirs_once is not None:
            ours.clear()
            for number in range(WARM_UP + rounds):
                seconds, _, found = process()
                other, count = theirs_once()
                if count != found:
                    raise CouldNotVerify(f"MediaPipe finds {count} hands, blazepalm {found}")
                if number >= WARM_UP:
                    ours.append(seconds)
                    theirs.append(other)
    pairs = zip(ours, theirs, strict=True) if theirs else ()
    return Result(
        complexity=complexity,
        mode=mode,
        hands=found,
        seconds=statistics.median(ours),
        own_seconds=statistics.median(own for _, own, _ in alone),
        mediapipe_seconds=statistics.median(theirs) if theirs else None,
        ratio=statistics.median(a / b for a, b in pairs) if theirs else None,
        stages=stages.medians(frames, [own for _, own, _ in alone]),
    )


def _timed(models: "HandModels") -> "tuple[HandModels, list[float]]":
    """The same networks, and a list to which each call appends its seconds of processor time."""
    inside: list[float] = []

    def timed(run: "Runner") -> "Runner":
        def wrapped(images: Any) -> Any:
            start = time.thread_time()
            outputs = run(images)
            inside.append(time.thread_time() - start)
            return outputs

        return wrapped

    return (
        dataclasses.replace(
            models, detector=timed(models.detector), landmarks=timed(models.landmarks)
        ),
        inside,
    )


@contextmanager
def mediapipe(
    python: str | None, image: "NDArray[np.uint8]", complexity: int, mode: str
) -> "Iterator[Callable[[], tuple[float, int]] | None]":
    """Yields a function that has MediaPipe process the image once: (seconds, hands)."""
    import numpy as np

    if python is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "image.npy"
        np.save(path, image)
        command = [python, "-c", THEIRS, str(path), str(complexity), mode]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise CouldNotVerify(f"{INTERPRETER}: {python} does not run: {error}") from error
        try:
            yield lambda: _ask(child.stdin, child.stdout, python)
        finally:
            child.kill()
            child.communicate()


def _ask(stdin: IO[str] | None, stdout: IO[str] | None, python: str) -> tuple[float, int]:
    assert stdin is not None and stdout is not None
    try:
        stdin.write("\n")
        stdin.flush()
        seconds, hands = stdout.readline().split()
    except (OSError, ValueError) as error:
        raise CouldNotVerify(f"{INTERPRETER}: {python} cannot run MediaPipe's hands") from error
    return float(seconds), int(hands)


def named(result: Result) -> str:
    return f"{result.complexity} {result.mode}"


def table(results: list[Result]) -> "Table":
    """One row per complexity and mode."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, pad_edge=False)
    for name in (
        "complexity",
        "mode",
        "ms per frame",
        "outside networks",
        "MediaPipe",
        "ratio",
        "",
    ):
        shown.add_column(name, justify="right")
    for r in results:
        theirs = "–" if r.mediapipe_seconds is None else f"{r.mediapipe_seconds * 1e3:.1f}"
        ratio = "–" if r.ratio is None else f"{r.ratio:.2f}"
        shown.add_row(
            str(r.complexity),
            r.mode,
            f"{r.seconds * 1e3:.1f}",
            f"{r.own_seconds * 1e3:.2f}",
            theirs,
            ratio,
            "ok" if r.passed else "too slow",
        )
    return shown
