"""Writes hands as records: one JSON document for any number of frames
(`blazepalm report schema detections`), or CSV with one row per hand.

Both are written frame by frame, so a video of any length takes no more memory than a picture.
Coordinates are normalised to the image: 0 to 1, left to right and top to bottom.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO, TypedDict

import numpy as np
from msgspec import Meta

from blazepalm.errors import InvalidModel
from blazepalm.models.gesture_pipeline import NO_GESTURE
from blazepalm.text import printable, printable_json, spreadsheet_cell

if TYPE_CHECKING:
    from blazepalm.media.frames import Frame
    from blazepalm.models.decode import Palms
    from blazepalm.models.hand_pipeline import Hand

FORMAT, FORMAT_VERSION = "blazepalm-detections", 1
DIGITS = 6  # decimals: finer than a thousandth of a pixel in any picture
FINGERS = {
    "thumb": ("cmc", "mcp", "ip", "tip"),
    **dict.fromkeys(("index", "middle", "ring", "pinky"), ("mcp", "pip", "dip", "tip")),
}
LANDMARKS = ("wrist", *(f"{finger}_{part}" for finger, parts in FINGERS.items() for part in parts))


Probability = Annotated[float, Meta(ge=0, le=1)]
Points = Annotated[list[tuple[float, float, float]], Meta(min_length=21, max_length=21)]


class HandRecord(TypedDict):
    """A hand. `score`: of the palm; of a tracked hand, its presence. `box`: xmin, ymin, xmax, ymax
    of the palm; of a tracked hand, the bounds of its keypoints. `keypoints`: x, y of the palm's
    points; 0 is the wrist, 2 the base of the middle finger. `handedness`: in a picture that is not
    mirrored, and how sure it is of that. `landmarks`: x, y, and z in frame widths about the wrist,
    smaller is nearer: the wrist, then thumb, index, middle, ring and little finger, each from its
    base to its tip. `world_landmarks`: in metres about the hand's centre. Null where the release
    does not say, or where only palms were looked for. `tracked`: followed from the frame before,
    not detected in this one. `gesture`: its label in the model, "None" for no known gesture, and
    how probable it is; null unless gestures were asked for.
    """

    score: Probability
    box: tuple[float, float, float, float]
    keypoints: list[tuple[float, float]]
    handedness: Literal["left", "right"] | None
    handedness_score: Annotated[float, Meta(ge=0.5, le=1)] | None
    presence: Probability | None
    landmarks: Points | None
    world_landmarks: Points | None
    tracked: bool
    gesture: str | None
    gesture_score: Probability | None


class FrameRecord(TypedDict):
    """A frame and its hands, best first. `source`: the file as it was found, or camera:N;
    `index`: of the frame in its source, 0 for a picture; `seconds`: since the video's beginning or
    the camera's first frame, null for a picture; `width`, `height`: in pixels.
    """

    source: str
    index: Annotated[int, Meta(ge=0)]
    seconds: Annotated[float, Meta(ge=0)] | None
    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]
    hands: list[HandRecord]


class ModelsRecord(TypedDict):
    """Names of the releases, else of the files. `backend`: what ran them (coreml-mil is a Core ML
    package executed by blazepalm, not by Apple's runtime); `rule`: which of MediaPipe's pipelines
    was repeated, solutions (until 0.10) or tasks (1.x). Null where it stopped at the palms.
    """

    detector: str
    landmarks: str | None
    backend: str
    rule: str | None


class FailureRecord(TypedDict):
    """What could not be read, or not to its end; `message` is one sentence."""

    source: str
    message: str


class Detections(TypedDict):
    """The hands that `blazepalm detect` found, frame by frame, in order, also in frames without
    any. Coordinates are normalised to the frame: x from 0 (left) to 1 (right), y from 0 (top) to 1
    (bottom), not clipped. `interrupted`: whether the user stopped it, so that frames are missing.
    """

    format: Literal["blazepalm-detections"]
    version: Literal[1]
    models: ModelsRecord
    frames: list[FrameRecord]
    failures: list[FailureRecord]
    interrupted: bool


def hand_record(hand: "Hand") -> HandRecord:
    """A hand as JSON values, always with every key. Raises InvalidModel where a number is
    not finite.
    """
    right = None if hand.handedness is None else float(hand.handedness)
    gesture = hand.gesture
    return {
        "score": _plain(hand.score),
        "box": _plain(hand.box),
        "keypoints": _plain(hand.keypoints),
        "handedness": None if right is None else "right" if right > 0.5 else "left",
        "handedness_score": None if right is None else _plain(max(right, 1.0 - right)),
        "presence": _plain(hand.presence),
        "landmarks": _plain(hand.landmarks),
        "world_landmarks": None if hand.world_landmarks is None else _plain(hand.world_landmarks),
        "tracked": hand.tracked,
        "gesture": None if gesture is None else gesture.name,
        "gesture_score": None if gesture is None else _plain(gesture.score),
    }


def label_of(hand: HandRecord) -> str:
    """`right 0.97`; `hand 0.97` if the release gives no handedness; `palm 0.97` for a palm; with a
    gesture `right 0.97, Victory`.
    """
    what = hand["handedness"] or ("palm" if hand["landmarks"] is None else "hand")
    gesture = hand["gesture"]
    named = "" if gesture in (None, NO_GESTURE) else f", {printable(gesture)}"
    return f"{what} {hand['score']:.2f}{named}"


def palm_records(palms: "Palms") -> list[HandRecord]:
    """Palms as hands without landmarks. Raises like `hand_record`."""
    return [
        {
            "score": _plain(score),
            "box": _plain(box),
            "keypoints": _plain(keypoints),
            "handedness": None,
            "handedness_score": None,
            "presence": None,
            "landmarks": None,
            "world_landmarks": None,
            "tracked": False,
            "gesture": None,
            "gesture_score": None,
        }
        for box, keypoints, score in zip(*palms, strict=True)
    ]


def frame_record(frame: "Frame", hands: Sequence[HandRecord]) -> FrameRecord:
    """A frame and its hands (see `hand_record`), best first."""
    return {
        "source": frame.source,
        "index": frame.index,
        "seconds": None if frame.seconds is None else _plain(frame.seconds),
        "width": frame.image.shape[1],
        "height": frame.image.shape[0],
        "hands": list(hands),
    }


def _plain(values: Any) -> Any:
    """A number, or nested lists of numbers, rounded to six decimals."""
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise InvalidModel("the model gave numbers that are not finite: its weights are damaged")

    def rounded(value: Any) -> Any:
        return [rounded(v) for v in value] if isinstance(value, list) else round(value, DIGITS)

    return rounded(array.tolist())


class JsonDocument:
    """Writes the document to a text file, one line per frame; `finish` completes it."""

    def __init__(self, file: TextIO, models: ModelsRecord) -> None:
        self._file = file
        self._frames = 0
        head = {"format": FORMAT, "version": FORMAT_VERSION, "models": models}
        file.write("{\n" + "".join(f" {_json(k)}: {_json(v)},\n" for k, v in head.items()))
        file.write(' "frames": [')

    def add(self, record: FrameRecord) -> None:
        """Writes one frame, as `frame_record` returns it."""
        self._file.write(f"{',' if self._frames else ''}\n  {_json(record)}")
        self._frames += 1

    def finish(self, failures: Sequence[FailureRecord], *, interrupted: bool = False) -> None:
        """Closes the list of frames. `failures`: `source` and `message` of each that could not
        be read; `interrupted`: whether the user stopped it before the last frame.
        """
        self._file.write("\n ],\n" if self._frames else "],\n")
        tail = {"failures": list(failures), "interrupted": interrupted}
        self._file.write(",\n".join(f" {_json(k)}: {_json(v)}" for k, v in tail.items()) + "\n}\n")
        self._file.flush()


def _json(value: Any) -> str:
    return printable_json(json.dumps(value, ensure_ascii=False, allow_nan=False))


def csv_columns(keypoints: int, gestures: bool = False) -> tuple[str, ...]:
    """The columns of the table for a detector of `keypoints` keypoints; with `gestures` also of
    what each hand shows.
    """
    return (
        *("source", "index", "seconds", "width", "height", "hand"),
        *("score", "handedness", "handedness_score", "presence", "tracked"),
        *(("gesture", "gesture_score") if gestures else ()),
        *(f"box_{side}" for side in ("xmin", "ymin", "xmax", "ymax")),
        *(f"palm_{i}_{axis}" for i in range(keypoints) for axis in "xy"),
        *(f"{name}_{axis}" for name in LANDMARKS for axis in "xyz"),
        *(f"world_{name}_{axis}" for name in LANDMARKS for axis in "xyz"),
    )


class CsvTable:
    """Writes one row per hand to a text file opened with `newline=""`. A frame without hands has
    no row; a value that the release does not give is an empty cell. A name is printable; one that
    a spreadsheet would take for a formula begins with an apostrophe.
    """

    def __init__(self, file: TextIO, keypoints: int, gestures: bool = False) -> None:
        self._columns = csv_columns(keypoints, gestures)
        self._plain = self._columns.index("box_xmin")  # the columns before it hold one value
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(self._columns)

    def add(self, record: FrameRecord) -> None:
        """Writes the hands of one frame, as `frame_record` returns it."""
        for number, hand in enumerate(record["hands"], start=1):
            plain = {**record, **hand, "hand": number, "tracked": int(hand["tracked"])}
            cells = [plain[name] for name in self._columns[: self._plain]]
            cells = [spreadsheet_cell(c) if isinstance(c, str) else c for c in cells]
            cells += (*hand["box"], *_flat(hand["keypoints"]))
            for points in (hand["landmarks"], hand["world_landmarks"]):
                cells += [None] * (3 * len(LANDMARKS)) if points is None else _flat(points)
            self._writer.writerow(cells)


def _flat(values: Any) -> Iterator[float]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
