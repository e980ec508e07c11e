"""PNG files in a folder → JSON: what MediaPipe's own hand pipeline finds in them.

    python record_mediapipe.py images DIR OUT.json    each image by itself, both complexities
    python record_mediapipe.py video DIR OUT.json     one after the other, complexity 1

Runs in an environment of its own with `mediapipe==0.10.21`; see `hand_scenes.py`. x and y are
normalised to the image, z is in image widths, world landmarks are in metres.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from PIL import Image

DIGITS = 7  # of float32


def record_images(paths: list[Path]) -> dict[str, Any]:
    """name → `sha256` of the pixels and `hands`: complexity → hands."""
    found: dict[str, Any] = {}
    for complexity in (0, 1):
        with pipeline(complexity, static=True) as hands:
            for path in paths:
                image = pixels(path)
                facts = found.setdefault(path.stem, {"sha256": digest(image), "hands": {}})
                facts["hands"][str(complexity)] = list(as_facts(hands.process(image)))
    return found


def record_video(paths: list[Path]) -> dict[str, Any]:
    """name → the beginning of `sha256`, and `hands`: the landmarks of each alone."""
    found = {}
    with pipeline(1, static=False) as hands:
        for path in paths:
            image = pixels(path)
            landmarks = [hand["landmarks"] for hand in as_facts(hands.process(image), 6)]
            found[path.stem] = {"sha256": digest(image)[:16], "hands": landmarks}
    return found


def pipeline(complexity: int, static: bool) -> Any:
    return mediapipe.solutions.hands.Hands(
        static_image_mode=static,
        max_num_hands=2,
        model_complexity=complexity,
        min_detection_confidence=0.5,
        min_tracking_confidence=0.5,
    )


def pixels(path: Path) -> Any:
    return np.array(Image.open(path).convert("RGB"))


def digest(image: Any) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def as_facts(result: Any, digits: int = DIGITS) -> Iterator[dict[str, Any]]:
    if not result.multi_hand_landmarks:
        return
    for points, world, sides in zip(
        result.multi_hand_landmarks,
        result.multi_hand_world_landmarks,
        result.multi_handedness,
        strict=True,
    ):
        side = sides.classification[0]
        yield {
            "landmarks": triples(points, digits),
            "world": triples(world, digits),
            "label": side.label,
            "score": round(side.score, digits),
        }


def triples(points: Any, digits: int) -> list[list[float]]:
    return [[round(v, digits) for v in (p.x, p.y, p.z)] for p in points.landmark]


if __name__ == "__main__":
    kind, folder, output = sys.argv[1:]
    files = sorted(Path(folder).glob("*.png"))
    facts = record_images(files) if kind == "images" else record_video(files)
    text = json.dumps({"mediapipe": mediapipe.__version__, kind: facts}, separators=(",", ":"))
    Path(output).write_text(text.replace('{"sha256"', '\n{"sha256"') + "\n", encoding="utf-8")
