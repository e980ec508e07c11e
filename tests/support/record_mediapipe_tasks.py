"""Pictures in a folder → JSON: what the HandLandmarker of MediaPipe's tasks finds in them.

    python record_mediapipe_tasks.py images BUNDLE DIR OUT.json    each PNG by itself
    python record_mediapipe_tasks.py video BUNDLE DIR OUT.json     one after the other, tracked

BUNDLE is `hand_landmarker.task`. Runs in an environment of its own with `mediapipe==1.2.3`
(`mediapipe_live.py` makes it). At most two hands. x and y are normalised to the image, z is in
image widths, world landmarks are in metres, with every digit of float32.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from PIL import Image

FRAME = 40  # milliseconds


def record(kind: str, bundle: str, paths: list[Path]) -> dict[str, Any]:
    """name → `sha256` of the pixels, and `hands`."""
    video = kind == "video"
    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=bundle),
        running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
        num_hands=2,
    )
    found = {}
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        for number, path in enumerate(paths):
            pixels = np.array(Image.open(path).convert("RGB"))
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            if video:
                result = landmarker.detect_for_video(image, number * FRAME)
            else:
                result = landmarker.detect(image)
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            found[path.stem] = {"sha256": digest, "hands": list(as_facts(result))}
    return found


def as_facts(result: Any) -> Iterator[dict[str, Any]]:
    for points, world, sides in zip(
        result.hand_landmarks, result.hand_world_landmarks, result.handedness, strict=True
    ):
        yield {
            "landmarks": [[p.x, p.y, p.z] for p in points],
            "world": [[p.x, p.y, p.z] for p in world],
            "label": sides[0].category_name,
            "score": sides[0].score,
        }


if __name__ == "__main__":
    kind, bundle, folder, output = sys.argv[1:]
    facts = record(kind, bundle, sorted(Path(folder).glob("*.png")))
    text = json.dumps({"mediapipe": mediapipe.__version__, kind: facts}, separators=(",", ":"))
    Path(output).write_text(text.replace('{"sha256"', '\n{"sha256"') + "\n", encoding="utf-8")
