"""Pictures in a folder → JSON: the gestures that MediaPipe's GestureRecognizer finds in them.

    python record_gestures.py BUNDLE DIR OUT.json

BUNDLE is `gesture_recognizer.task`. Runs in an environment of its own with `mediapipe==1.2.3`
(`mediapipe_live.py` makes it). At most two hands; every digit of float32. The canned classifier's
best gesture is all that the recogniser tells.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from PIL import Image


def record(bundle: str, paths: list[Path]) -> dict[str, Any]:
    """name → `sha256` of the pixels, their `size` (height, width), and `hands`."""
    options = vision.GestureRecognizerOptions(
        base_options=BaseOptions(model_asset_path=bundle), num_hands=2
    )
    found = {}
    with vision.GestureRecognizer.create_from_options(options) as recogniser:
        for path in paths:
            pixels = np.array(Image.open(path).convert("RGB"))
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            result = recogniser.recognize(image)
            hands = [
                {
                    "landmarks": [[p.x, p.y, p.z] for p in points],
                    "gesture": gestures[0].category_name,
                    "score": gestures[0].score,
                }
                for points, gestures in zip(result.hand_landmarks, result.gestures, strict=True)
            ]
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            found[path.stem] = {"sha256": digest, "size": pixels.shape[:2], "hands": hands}
    return found


if __name__ == "__main__":
    bundle, folder, output = sys.argv[1:]
    facts = record(bundle, sorted(Path(folder).glob("*.png")))
    text = json.dumps({"mediapipe": mediapipe.__version__, "images": facts}, separators=(",", ":"))
    Path(output).write_text(text.replace('{"sha256"', '\n{"sha256"') + "\n", encoding="utf-8")
