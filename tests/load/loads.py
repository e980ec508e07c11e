"""The loads. Each is a function of a count that yields after every item, or every few: how many
are done, and a digest of the answer to what has been asked before (None: nothing to compare).
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from blazepalm.models import hand_pipeline
from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker
from blazepalm.models.runners import HandModels

Steps = Iterator[tuple[int, str | None]]
FRAMES = 300  # of the video that the tracker's day repeats: both hands leave and come back
SIZE = (120, 160)  # of its frames
PICTURES = 8  # for the threads
THREADS = 64


@dataclass(frozen=True)
class Load:
    """`count`: items of the whole load; `what` they are."""

    run: Callable[[int, Path], Steps]
    count: int
    what: str


def parity_inputs(count: int, folder: Path) -> Steps:
    """One parity run over `count` random inputs of a graph of one operator: every one is compared,
    and none differs, because doubling is exact.
    """
    from blazepalm.reports.parity import parity
    from support.tiny import doubling

    (folder / "tiny.tflite").write_bytes(doubling())
    seen = [0]
    reports: list[Any] = []

    def work() -> None:
        reports.append(
            parity(
                folder / "tiny.tflite",
                noise=count,
                coreml=False,
                on_step=lambda what, done, total: seen.__setitem__(0, done),
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        yield min(seen[0], count - 1), None
    (report,) = reports
    judged = [row for row in report.rows if row.judged]
    assert judged and any(row.inputs == count for row in judged)
    exact = report.passed and not any(row.value for row in judged)
    yield count, "exact" if exact else "differs"


def tracker(count: int, folder: Path) -> Steps:
    """`count` frames through the tracker, by replay: what the networks answered, and where each
    crop lay, was recorded from a short video, which comes again and again.
    """
    from blazepalm.golden.sequence import render_frame

    frames = [render_frame(number, SIZE).image for number in range(FRAMES)]
    models, tapes = _models("tflite"), [Tape() for _ in range(4)]

    def found(wrap: Callable[[Tape, Any], Any]) -> list[str]:
        palm, hand, square, crop = tapes
        runners = {
            "detector": wrap(palm, models.detector),
            "landmarks": wrap(hand, models.landmarks),
        }
        follow = HandTracker(replace(models, **runners))
        with patch.multiple(
            hand_pipeline,
            letterbox=wrap(square, hand_pipeline.letterbox),
            crop_region=wrap(crop, hand_pipeline.crop_region),
        ):
            return [_digest(follow(frame)) for frame in frames]

    truth = found(Tape.recording)
    assert len(set(truth)) > FRAMES * 0.9 and truth != [_digest(())] * FRAMES
    for done in range(FRAMES, count + FRAMES, FRAMES):
        same = found(Tape.replaying) == truth and all(tape.is_at_its_end for tape in tapes)
        yield done, "as recorded" if same else "differs"


class Tape:
    """What a function returned, call by call. Of pixels, which the recorded networks do not look
    at, only the first is kept.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.at = 0

    def recording(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any) -> Any:
            answer = run(*given)
            if isinstance(answer, tuple):
                pixels, place = answer
                self.answers.append((pixels[..., :1, :1, :].copy(), place))
            else:
                self.answers.append(answer)
            return answer

        return wrapped

    def replaying(self, run: Callable[..., Any]) -> Callable[..., Any]:
        self.at = 0

        def wrapped(*given: Any) -> Any:
            self.at += 1
            return self.answers[self.at - 1]

        return wrapped

    @property
    def is_at_its_end(self) -> bool:
        return self.at == len(self.answers)


def conversions(count: int, folder: Path) -> Steps:
    """`count` conversions of small graphs of every operator, one after another."""
    from fuzz.graphs import graphs, pack, prepare

    from blazepalm.converter.convert import convert
    from blazepalm.errors import BlazePalmError

    names = []
    for number, built in enumerate(graphs()):
        path = folder / f"{number}.tflite"
        path.write_bytes(pack(prepare(built)))
        names.append(path)
    first: dict[Path, str] = {}
    out = folder / "out"
    for done in range(count):
        path = names[done % len(names)]
        try:
            (place,) = convert(path, out, coreml=None, force=True, notice=lambda note: None)
            files = sorted(p for p in place.rglob("*") if p.is_file())
            found = hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()
        except BlazePalmError as error:
            found = str(error)
        yield done + 1, "the same bytes" if first.setdefault(path, found) == found else "differs"


def threads(count: int, folder: Path) -> Steps:
    """`count` pictures through one pipeline by 64 threads at once."""
    pipeline = HandPipeline(_models("torch"))
    pictures = _pictures()
    truth = [_digest(pipeline(picture)) for picture in pictures]
    for done in range(THREADS, count + THREADS, THREADS):
        wrong: list[int] = []

        def work(index: int, wrong: list[int] = wrong) -> None:
            if _digest(pipeline(pictures[index % PICTURES])) != truth[index % PICTURES]:
                wrong.append(index)

        running = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        yield done, "differs" if wrong else "as one thread's"


LOADS = {
    "parity": Load(parity_inputs, 50_000, "inputs of one run"),
    "tracker": Load(tracker, 24 * 3600 * 30, "frames"),
    "conversions": Load(conversions, 1_000, "conversions"),
    "threads": Load(threads, 64 * 100, "pictures by 64 threads"),
}


def _models(backend: str) -> HandModels:
    from blazepalm.reports.hands.open_models import hand_models, open_model, rule_of

    palm, hand = (
        open_model(f"{family}-lite", family, backend, threads=1, notice=lambda note: None)
        for family in ("palm", "hand")
    )
    return hand_models(palm, hand, rule_of("palm-lite"))


def _pictures() -> list[Any]:
    """One rendered hand at several places."""
    from blazepalm.golden.sequence import render_frame

    image = render_frame(40, SIZE).image
    return [np.roll(image, number, axis=1) for number in range(PICTURES)]


def _digest(hands: tuple[Hand, ...]) -> str:
    digest = hashlib.sha256()
    for hand in hands:
        for field in fields(hand):
            value = getattr(hand, field.name)
            array = isinstance(value, np.ndarray | np.generic)
            digest.update(value.tobytes() if array else repr(value).encode())
    return digest.hexdigest()
