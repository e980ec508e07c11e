"""Opens a pipeline's two models in a backend, as functions from images to records of hands: in a
single picture, or tracked from frame to frame of a video.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.models.decode import decode_palms
from blazepalm.models.gesture_pipeline import GestureModels
from blazepalm.models.hand_pipeline import Hand, HandPipeline, HandTracker
from blazepalm.models.letterbox import letterbox
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.reports.backends.names import FAST
from blazepalm.reports.hands.detection_ahead import DetectionAhead, Submit
from blazepalm.reports.hands.detections import HandRecord, ModelsRecord, hand_record, palm_records
from blazepalm.reports.hands.gestures import open_gestures
from blazepalm.reports.hands.open_model import Notice, OpenModel, Source
from blazepalm.reports.hands.open_models import (
    detector_anchors,
    gpu_of,
    hand_models,
    open_model,
    rule_of,
)

TRACKED_HANDS = 2  # MediaPipe's own default
LANDMARKS = "hand-full"  # the landmark model where none is named

Look = Callable[[NDArray[np.uint8]], list[HandRecord]]  # (H, W, 3) RGB → `hand_record`s, best first
Find = Callable[[NDArray[np.uint8]], tuple[Hand, ...]]  # (H, W, 3) RGB → hands, best first


@dataclass(frozen=True)
class Finder:
    """`models`: their names, as in the JSON document; `keypoints`: how many a palm has. `look`
    finds the hands in a picture; each call of `tracker` makes a function for the frames of one
    video (`look` itself without a landmark model). With a landmark model, `find` and `new_tracker`
    do the same and return `Hand`s. `gestures`: whether it names each hand's gesture. `expect`:
    tells a tracker the next frame before it is called with the present one (`DetectionAhead`).
    """

    models: ModelsRecord
    keypoints: int
    look: Look
    tracker: Callable[[], Look]
    find: Find | None = None
    new_tracker: Callable[[], Find] | None = None
    gestures: bool = False
    expect: Callable[[NDArray[np.uint8], Submit], None] | None = None


def open_finder(
    model: Source,
    landmarks: Source | None,
    backend: str,
    notice: Notice,
    *,
    threads: int = 1,
    max_hands: int | None = None,
    rule: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    gestures: str | Path | None = None,
    callers: int = 1,
    device: str = "cpu",
    in_turn: bool = False,
    many: bool = False,
) -> Finder:
    """Opens both models, or the detector alone where `landmarks` is None; see `open_model` for
    arguments and errors. `max_hands` None means all, but two when tracking; `rule` as for
    `open_hand_models`. `gestures`: a bundle of gesture models, which name each hand's gesture.
    `callers`: how many threads may call it at a time without waiting for each other; `in_turn`:
    they call one after the other, so that LiteRT may use their threads for each call. `device`:
    where the backend `torch` computes the networks of palms and hands, see `gpu_of`. `many`: enough
    pictures follow that compiling the kernel that crops them pays, as the backend `fast` always
    does (`quickest_warp`); the hands are the same.
    """
    gpu = gpu_of(device, backend)
    overrides.check_used(("palm",) if landmarks is None else ("palm", "hand"))
    palm = open_model(
        model,
        "palm",
        backend,
        threads=threads,
        notice=notice,
        overrides=overrides,
        callers=callers,
        device=gpu,
        in_turn=in_turn,
    )
    assert isinstance(palm.spec, PalmDetectorSpec)
    names: ModelsRecord = {
        "detector": palm.name,
        "landmarks": None,
        "backend": palm.backend,
        "rule": None,
    }
    if landmarks is None:
        look = palm_finder(palm, max_hands)
        return Finder(names, palm.spec.keypoints, look, lambda: look)
    hand = open_model(
        landmarks,
        "hand",
        backend,
        threads=threads,
        notice=notice,
        overrides=overrides,
        callers=callers,
        device=gpu,
        in_turn=in_turn,
    )
    models = hand_models(palm, hand, rule or rule_of(model))
    if many or backend == FAST:
        from blazepalm.reports.forms.compiled.warp import quickest_warp

        models = replace(models, warp=quickest_warp())
    ahead = DetectionAhead(palm.run, palm.spec)
    tracking = replace(models, detector=ahead)

    named = None if gestures is None else open_gestures(gestures, backend, threads=threads)
    find = with_gestures(HandPipeline(models, max_hands), named)

    def new_tracker() -> Find:
        return with_gestures(HandTracker(tracking, max_hands or TRACKED_HANDS), named)

    return Finder(
        {
            **names,
            "landmarks": hand.name,
            "backend": ", ".join(dict.fromkeys((palm.backend, hand.backend))),
            "rule": models.rule,
        },
        palm.spec.keypoints,
        look=_recorded(find),
        tracker=lambda: _recorded(new_tracker()),
        find=find,
        new_tracker=new_tracker,
        gestures=named is not None,
        expect=ahead.expect,
    )


def with_gestures(find: Find, gestures: GestureModels | None) -> Find:
    """`find`, then the gesture of each hand; `find` itself without gesture models."""
    if gestures is None:
        return find

    def look(image: NDArray[np.uint8]) -> tuple[Hand, ...]:
        height, width = image.shape[:2]
        return tuple(
            replace(
                hand,
                gesture=gestures(
                    hand.landmarks, (height, width), hand.handedness, hand.world_landmarks
                ),
            )
            for hand in find(image)
        )

    return look


def landmarks_beside(model: Source) -> Source:
    """The landmark model to use with a detector: the one in the same bundle, if there is one."""
    from blazepalm.converter.choose import is_bundle_with
    from blazepalm.converter.folder import is_converted
    from blazepalm.converter.tflite.foreign import is_core_ml

    if not isinstance(model, str | Path) or is_core_ml(Path(model)):
        return LANDMARKS
    if is_converted(model):
        return LANDMARKS
    return model if is_bundle_with(model, "hand") else LANDMARKS


def palm_finder(palm: OpenModel, max_hands: int | None = None) -> Look:
    """Finds palms alone."""
    spec = palm.spec
    assert isinstance(spec, PalmDetectorSpec)
    anchors = detector_anchors(spec)

    def look(image: NDArray[np.uint8]) -> list[HandRecord]:
        square, box = letterbox(image, spec.input_size, spec.value_range)
        raw = palm.run(square)
        palms = decode_palms(raw["boxes"][0], raw["scores"][0], anchors, spec, box)
        return palm_records(palms)[:max_hands]

    return look


def _recorded(find: Find) -> Look:
    return lambda image: [hand_record(hand) for hand in find(image)]
