"""The loads. Each is a function of a count that yields after every item, or every few: how many
are done, and a digest of the answer to what has been asked before (None: nothing to compare).
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker
from blazepalm.models.runners import HandModels

Steps = Iterator[tuple[int, str | None]]
FRAMES = 60  # of the video that the tracker's day repeats
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
    seen: list[int] = []
    reports: list[Any] = []

    def work() -> None:
        reports.append(
            parity(
                folder / "tiny.tflite",
                noise=count,
                coreml=False,
                on_step=lambda what, done, total: seen.append(done),
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        yield (seen[-1] if seen else 0), None
    (report,) = reports
    judged = [row for row in report.rows if row.judged]
    assert judged and any(row.inputs == count for row in judged)
    exact = report.passed and not any(row.value for row in judged)
    yield count, "exact" if exact else "differs"


def tracker(count: int, folder: Path) -> Steps:
    """`count` frames through the tracker, by replay: the networks' outputs were recorded from a
    short video, which comes again and again.
    """
    models = _models()
    frames = _frames(FRAMES)
    recorded: list[Mapping[str, Any]] = []

    def recording(run: Any) -> Any:
        def wrapped(images: Any) -> Any:
            recorded.append(run(images))
            return recorded[-1]

        return wrapped

    first = HandTracker(
        replace(models, detector=recording(models.detector), landmarks=recording(models.landmarks))
    )
    truth = [_digest(first(frame)) for frame in frames]
    calls = [0]

    def replayed(images: Any) -> Any:
        calls[0] += 1
        return recorded[(calls[0] - 1) % len(recorded)]

    again = HandTracker(replace(models, detector=replayed, landmarks=replayed))
    for done in range(0, count, FRAMES):
        again.reset()
        found = [_digest(again(frame)) for frame in frames]
        yield done + FRAMES, "as recorded" if found == truth else "differs"


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
    pipeline = HandPipeline(_models())
    pictures = _frames(PICTURES)
    truth = [_digest(pipeline(picture)) for picture in pictures]
    rounds = max(1, count // THREADS)
    for number in range(rounds):
        wrong: list[int] = []

        def work(index: int, wrong: list[int] = wrong) -> None:
            if _digest(pipeline(pictures[index % PICTURES])) != truth[index % PICTURES]:
                wrong.append(index)

        running = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        yield (number + 1) * THREADS, "differs" if wrong else "as one thread's"


LOADS = {
    "parity": Load(parity_inputs, 50_000, "inputs of one run"),
    "tracker": Load(tracker, 24 * 3600 * 30, "frames, 24 h at 30 a second"),
    "conversions": Load(conversions, 1_000, "conversions"),
    "threads": Load(threads, 64 * 100, "pictures by 64 threads"),
}


def _models() -> HandModels:
    from blazepalm.reports.hands.open_models import hand_models, open_model, rule_of

    palm, hand = (
        open_model(f"{family}-lite", family, "torch", threads=1, notice=lambda note: None)
        for family in ("palm", "hand")
    )
    return hand_models(palm, hand, rule_of("palm-lite"))


def _frames(count: int) -> list[Any]:
    """One rendered hand that moves to the right."""
    from blazepalm.golden.sequence import render_frame

    image = render_frame(40, SIZE).image
    return [np.roll(image, frame % 30, axis=1) for frame in range(count)]


def _digest(hands: tuple[Hand, ...]) -> str:
    digest = hashlib.sha256()
    for hand in hands:
        for value in (hand.box, hand.score, hand.landmarks, hand.presence, hand.world_landmarks):
            digest.update(b"-" if value is None else np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
