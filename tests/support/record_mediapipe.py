"""PNG files in a folder → `mediapipe_hands.json`: what MediaPipe's own pipeline finds in them.

Runs in an environment of its own with `mediapipe==0.10.21`; see `hand_scenes.py`.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from PIL import Image


def record(folder: Path) -> dict[str, Any]:
    found = {}
    with mediapipe.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=2, model_complexity=1, min_detection_confidence=0.5
    ) as hands:
        for path in sorted(folder.glob("*.png")):
            image = np.array(Image.open(path).convert("RGB"))
            result = hands.process(image)
            digest = hashlib.sha256(image.tobytes()).hexdigest()
            found[path.stem] = {"sha256": digest, "hands": list(_hands(result, image.shape))}
    return found


def _hands(result: Any, shape: tuple[int, ...]) -> Any:
    height, width = shape[:2]
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
            "landmarks": [
                [round(p.x * width, 3), round(p.y * height, 3), round(p.z, 5)]
                for p in points.landmark
            ],
            "world": [[round(v, 5) for v in (p.x, p.y, p.z)] for p in world.landmark],
            "label": side.label,
            "score": round(side.score, 5),
        }


if __name__ == "__main__":
    facts = {"mediapipe": mediapipe.__version__, "scenes": record(Path(sys.argv[1]))}
    text = json.dumps(facts, separators=(",", ":")).replace('"landmarks"', '\n"landmarks"')
    Path(__file__).with_name("mediapipe_hands.json").write_text(text + "\n", encoding="utf-8")
