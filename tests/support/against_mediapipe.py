"""Prints README's table of the pipeline against MediaPipe's recorded output, as Markdown:

    PYTHONPATH=tests python -m support.against_mediapipe GOLDEN
    PYTHONPATH=tests python -m support.against_mediapipe --batched

GOLDEN is a folder of `blazepalm golden make`; `--batched` prints the rows of `BatchedHandFinder` on
the CPU, in float32 and bfloat16; photographs and videos come from BLAZEPALM_PHOTOS.
The solutions' landmarks in pictures were recorded with seven decimals, all others with every bit;
of the tasks' videos only a hash was kept, so pixels are told against LiteRT, which has that hash.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepalm import BatchedHandFinder
from blazepalm.golden.manifest import load_golden
from blazepalm.golden.mediapipe import FACTS, pixels_sha256
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import read_image
from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker
from blazepalm.models.runners import HandModels
from blazepalm.models.tasks import SOLUTIONS, TASKS
from blazepalm.reports.hands.open_models import open_hand_models
from support.photos import photos_folder

COMPLEXITIES = {"0": ("palm-lite", "hand-lite"), "1": ("palm-full", "hand-full")}
BACKENDS = ("tflite", "torch")
HASHES = Path(__file__).with_name("mediapipe_tasks_videos.json")
DIGITS = 7

Image = NDArray[np.uint8]
Points = NDArray[np.float32]
Find = Callable[[Image], tuple[Hand, ...]]


class Shot(NamedTuple):
    """A picture or frame, and MediaPipe's hands in it: (21, 3) each."""

    image: Image
    expected: list[Points]
    start: bool = True  # of a video: nothing is tracked yet


@dataclass
class Count:
    """How the hands of one row agree, in inputs with as many hands as MediaPipe found."""

    inputs: int = 0
    other_count: int = 0
    hands: int = 0
    equal: int = 0
    worst: float = 0.0

    def add(self, hands: tuple[Hand, ...], shot: Shot, rounded: bool) -> None:
        self.inputs += 1
        if len(hands) != len(shot.expected):
            self.other_count += 1
            return
        height, width = shot.image.shape[:2]
        for hand, points in zip(hands, shot.expected, strict=True):
            found = hand.landmarks
            if rounded:
                found = np.float32(np.round(found.astype(np.float64), DIGITS))
            away = (hand.landmarks[:, :2].astype(np.float64) - points[:, :2]) * (width, height)
            self.hands += 1
            self.equal += found.tobytes() == points.tobytes()
            far = float(np.hypot(*away.T).max())
            self.worst = max(self.worst, 0.0 if found.tobytes() == points.tobytes() else far)


def recorded(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def points_of(hands: list[dict[str, Any]]) -> list[Points]:
    return [np.array(hand["landmarks"], np.float32) for hand in hands]


def golden_shots(folder: Path, complexity: str) -> Iterator[Shot]:
    facts = recorded(FACTS)["images"]
    golden = load_golden(folder)
    for case in golden.cases:
        if case.readable:
            yield Shot(golden.image(case), points_of(facts[case.name]["hands"][complexity]))


def photo_shots(facts: dict[str, Any], complexity: str) -> Iterator[Shot]:
    for name, values in facts.items():
        (path,) = (photos_folder() / "pictures").glob(f"{Path(name).stem}.*")
        yield Shot(read_image(path), points_of(values["hands"][complexity]))


def frames_of(name: str) -> Iterator[Image]:
    (source,) = find_sources([photos_folder() / "videos" / name])
    return (frame.image for frame in read_frames(source))


def video_shots() -> Iterator[Shot]:
    for name, facts in recorded(photos_folder() / "mediapipe-0.10.21-videos.json").items():
        for number, (image, truth) in enumerate(zip(frames_of(name), facts, strict=True)):
            if not pixels_sha256(image).startswith(truth["sha"]):
                print(f"{name}: frame {number} is decoded otherwise here", file=sys.stderr)
                break
            yield Shot(image, points_of(truth["hands"]), number == 0)


def tasks_video_shots(models: HandModels) -> Iterator[Shot]:
    """With LiteRT's landmarks, where they have MediaPipe's hash."""
    for name, facts in recorded(HASHES).items():
        tracker = HandTracker(models)
        for number, (image, (pixels, count, digest)) in enumerate(
            zip(frames_of(name), facts, strict=True)
        ):
            if not pixels_sha256(image).startswith(pixels):
                print(f"{name}: frame {number} is decoded otherwise here", file=sys.stderr)
                break
            hands = tracker(image)
            content = b"".join(hand.landmarks.astype("<f4").tobytes() for hand in hands)
            assert len(hands) == count and hashlib.sha256(content).hexdigest().startswith(digest)
            yield Shot(image, [hand.landmarks for hand in hands], number == 0)


def measured(models: HandModels, shots: Iterator[Shot], *, tracked: bool) -> Count:
    """Runs the shots; the solutions' pictures are compared as they were recorded, rounded."""
    rounded = not tracked and models.rule == SOLUTIONS
    count = Count()
    find: Find = HandPipeline(models)
    for shot in shots:
        if tracked and shot.start:
            find = HandTracker(models)
        count.add(find(shot.image), shot, rounded)
    return count


def batched(photos: dict[str, Any]) -> None:
    """The rows of the batched pipeline on photographs, complexity 1."""
    for precision in ("fp32", "bf16"):
        finder = BatchedHandFinder(
            *COMPLEXITIES["1"], precision=precision, max_hands=2, rule=SOLUTIONS
        )
        count = Count()
        for shot in photo_shots(photos, "1"):
            count.add(finder(shot.image[None])[0], shot, rounded=True)
        row("0.10.21, `solutions`", "photographs, complexity 1", f"batched, {precision}", count)


def row(api: str, what: str, backend: str, count: Count) -> None:
    cells = [
        api,
        what,
        {"tflite": "LiteRT"}.get(backend, backend),
        str(count.inputs),
        str(count.other_count),
        f"{count.equal} of {count.hands}",
        f"{count.worst:.2g}" if count.worst else "0",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def main(golden: Path | None) -> None:
    import torch

    torch.set_num_threads(1)
    solutions, tasks = "0.10.21, `solutions`", "1.2.3, `tasks`"
    photos = recorded(photos_folder() / "mediapipe-0.10.21-pictures.json")["images"]
    if golden is None:
        batched(photos)
        return
    for complexity, names in COMPLEXITIES.items():
        for backend in BACKENDS:
            models = open_hand_models(*names, backend, rule=SOLUTIONS)
            for what, shots in (
                ("golden set", golden_shots(golden, complexity)),
                ("photographs", photo_shots(photos, complexity)),
            ):
                found = measured(models, shots, tracked=False)
                row(solutions, f"{what}, complexity {complexity}", backend, found)
    facts = recorded(photos_folder() / "mediapipe-1.2.3-tasks-pictures.json")
    litert = open_hand_models(*COMPLEXITIES["1"], "tflite", rule=TASKS)
    for backend in BACKENDS:
        models = open_hand_models(*COMPLEXITIES["1"], backend, rule=TASKS)
        row(tasks, "photographs", backend, measured(models, photo_shots(facts, "1"), tracked=False))
        found = measured(models, tasks_video_shots(litert), tracked=True)
        row(tasks, "tracked videos", backend, found)
        models = open_hand_models(*COMPLEXITIES["1"], backend, rule=SOLUTIONS)
        row(solutions, "tracked videos", backend, measured(models, video_shots(), tracked=True))


if __name__ == "__main__":
    main(None if sys.argv[1] == "--batched" else Path(sys.argv[1]))
