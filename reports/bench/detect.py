"""Measures `blazepalm detect --backend tflite` beside MediaPipe doing the same: a picture of two
hands, a folder of pictures, and a video that is tracked and drawn.

MediaPipe needs an environment of its own, as for `pipeline`. A folder's picture and a video's frame
are measured in whole processes, from the file to the drawn video: what a run on many takes more
than a run on one, divided by how many more they are, so that starting counts for neither. The
processes take turns; the ratio is the median of the rounds' ratios. Without MediaPipe, only
blazepalm's times are measured.

Each is measured as its users have it. MediaPipe: one process that reads a picture or frame with
OpenCV, calls `Hands.process`, draws, and writes, one after the other; its networks and OpenCV
choose their own threads. blazepalm: the command, which checks what it reads, decodes in a process
of its own, records every hand, and uses all processors. Both run the same networks.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.errors import CouldNotVerify
from blazepalm.processor import usable_processors
from blazepalm.reports.bench.findings import Findings
from blazepalm.reports.bench.pipeline import INTERPRETER, WARM_UP, mediapipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODELS = ("palm-full", "hand-full")
SIZE = (480, 640)
PICTURES, FRAMES = 80, 120
ROUNDS = 5
LIMITS = {"picture": 0.85, "folder": 0.7, "video": 0.8}  # of MediaPipe's time

# run in MediaPipe's environment. Arguments: what, the folder or video, the JSON or MP4 to write
THEIRS = """
import json, pathlib, sys, cv2, mediapipe
hands, drawing = mediapipe.solutions.hands, mediapipe.solutions.drawing_utils
what, source, target = sys.argv[1:]
finder = hands.Hands(static_image_mode=what == "folder", max_num_hands=2, model_complexity=1)
def find(image):
    result = finder.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    return result.multi_hand_landmarks or ()
if what == "folder":
    found = {}
    for path in sorted(pathlib.Path(source).iterdir()):
        found[path.name] = [[(p.x, p.y, p.z) for p in one.landmark]
                            for one in find(cv2.imread(str(path)))]
    pathlib.Path(target).write_text(json.dumps(found))
else:
    reader, writer = cv2.VideoCapture(source), None
    while True:
        more, image = reader.read()
        if not more:
            break
        for one in find(image):
            drawing.draw_landmarks(image, one, hands.HAND_CONNECTIONS)
        if writer is None:
            size = image.shape[1], image.shape[0]
            writer = cv2.VideoWriter(target, cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
        writer.write(image)
    writer.release()
"""


@dataclass(frozen=True)
class Result:
    """Seconds for a picture or frame, medians over the rounds; `ratio` to MediaPipe's is the median
    of the rounds' ratios, `low` and `high` its quartiles; None without MediaPipe.
    """

    what: str
    seconds: float
    mediapipe_seconds: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def passed(self) -> bool:
        return self.ratio is None or self.ratio <= LIMITS[self.what]


def run(rounds: int | None = None) -> Findings:
    """Raises CouldNotVerify where MediaPipe's interpreter does not run."""
    results = bench_detect(rounds or ROUNDS)
    rows = [{**asdict(result), "passed": result.passed} for result in results]
    return Findings({"detect": rows}, markdown(results), all(result.passed for result in results))


def bench_detect(rounds: int = ROUNDS, python: str | None = None) -> list[Result]:
    """`python`: an interpreter with MediaPipe; default: BLAZEPALM_MEDIAPIPE_PYTHON."""
    python = python or os.environ.get(INTERPRETER)
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch:
        folder = Path(scratch)
        one, two = scenes()
        pairs = {
            "folder": (write_pictures(folder / "1", [two]), folder / "many"),
            "video": (write_video(folder / "1.mp4", one, 1), folder / "many.mp4"),
        }
        turned = [moved(scene, n) for n in range(PICTURES // 2) for scene in (one, two)]
        write_pictures(pairs["folder"][1], turned)
        write_video(pairs["video"][1], one, FRAMES)
        counts = {"folder": PICTURES, "video": FRAMES}
        results = [picture(two, 10 * rounds, python)]
        for what, (single, many) in pairs.items():
            results.append(in_processes(what, single, many, counts[what], rounds, python))
    return results


def scenes() -> "tuple[NDArray[np.uint8], NDArray[np.uint8]]":
    """A picture of one hand, and one of two."""
    import numpy as np

    from blazepalm.golden.camera import View
    from blazepalm.golden.poses import POSES
    from blazepalm.golden.render import render_hand

    one = render_hand(POSES["open"], View(8, 5, -6), size=SIZE).image
    half = render_hand(POSES["open"], View(8, 5, -6), size=(SIZE[0], SIZE[1] // 2)).image
    return one, np.concatenate((half, half[:, ::-1]), axis=1)


def moved(image: "NDArray[np.uint8]", frame: int) -> "NDArray[np.uint8]":
    """The picture, some pixels further to the right."""
    import numpy as np

    return np.roll(image, 2 * (frame % 30), axis=1)


def write_pictures(folder: Path, images: "Sequence[NDArray[np.uint8]]") -> Path:
    from PIL import Image

    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04d}.jpg", quality=92)
    return folder


def write_video(path: Path, image: "NDArray[np.uint8]", frames: int) -> Path:
    from blazepalm.reports.hands.video import Mp4

    with Mp4(path, 30.0) as movie:
        for frame in range(frames):
            movie.write(moved(image, frame))
    return path


def picture(image: "NDArray[np.uint8]", rounds: int, python: str | None) -> Result:
    """One picture after the other in one process each, as the command finds the hands of a single
    one: with two threads if there are two processors.
    """
    from blazepalm.reports.hands.finder import open_finder

    callers = min(2, usable_processors())
    finder = open_finder(
        *MODELS, "tflite", lambda note: None, max_hands=2, callers=callers, in_turn=True
    )
    assert finder.find is not None
    ours: list[float] = []
    theirs: list[float] = []
    with mediapipe(python, image, 1, "static") as other:
        for number in range(WARM_UP + rounds):
            start = time.perf_counter()
            found = len(finder.find(image))
            seconds = time.perf_counter() - start
            if number >= WARM_UP:
                ours.append(seconds)
            if other is None:
                continue
            their_seconds, count = other()
            if count != found:
                raise CouldNotVerify(f"MediaPipe finds {count} hands, blazepalm {found}")
            if number >= WARM_UP:
                theirs.append(their_seconds)
    return compared("picture", ours, theirs)


def in_processes(
    what: str, single: Path, many: Path, count: int, rounds: int, python: str | None
) -> Result:
    """Each round: blazepalm and MediaPipe on one, then both on many."""
    ours, theirs = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch:
            made = str(Path(scratch) / ("found.json" if what == "folder" else "drawn.mp4"))
            option = ("--output-json" if what == "folder" else "--video", made)
            seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
            for source in map(str, (single, many)):
                words = ["detect", source, "--backend", "tflite", "--max-hands", "2", "--force"]
                command = [sys.executable, "-m", "blazepalm", *words, *option]
                seconds["ours"].append(timed(command))
                if python is not None:
                    command = [python, "-c", THEIRS, what, source, made]
                    seconds["theirs"].append(timed(command))
        ours.append(for_one_more(seconds["ours"], count))
        if python is not None:
            theirs.append(for_one_more(seconds["theirs"], count))
    return compared(what, ours, theirs)


def for_one_more(seconds: Sequence[float], count: int) -> float:
    """The seconds for one more, given those for one and for `count`."""
    return (seconds[1] - seconds[0]) / (count - 1)


def timed(command: Sequence[str]) -> float:
    """The seconds of a process. Raises CouldNotVerify if it fails."""
    start = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CouldNotVerify(f"{INTERPRETER}: {command[0]} does not run: {error}") from error
    seconds = time.perf_counter() - start
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CouldNotVerify(f"{command[0]} failed: {last}")
    return seconds


def compared(what: str, ours: Sequence[float], theirs: Sequence[float]) -> Result:
    if not theirs:
        return Result(what, statistics.median(ours))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    spread = (
        statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    )
    return Result(
        what,
        statistics.median(ours),
        statistics.median(theirs),
        statistics.median(ratios),
        spread[0],
        spread[2],
    )


def markdown(results: Sequence[Result]) -> str:
    """A table in Markdown: milliseconds, and the ratio with its quartiles."""
    lines = ["| detect on | ms | MediaPipe | ratio | limit |", "| --- | --- | --- | --- | --- |"]
    for r in results:
        theirs, ratio = "–", "–"
        if r.mediapipe_seconds is not None:
            theirs = f"{1e3 * r.mediapipe_seconds:.1f}"
            ratio = f"{r.ratio:.2f} ({r.low:.2f}–{r.high:.2f})"
        cells = (r.what, f"{1e3 * r.seconds:.1f}", theirs, ratio, f"{LIMITS[r.what]:g}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
