"""What MediaPipe itself finds in the golden set: `mediapipe.json`, by the name of the case.

Recorded with `mediapipe==0.10.21` (`solutions.hands`, static images, two hands at most) in an
environment of its own. To record again, when the set has changed, from the checkout:
    blazepalm golden make -o DIR
    python -m blazepalm.golden.mediapipe DIR PIXELS       the pixels of every readable case as PNG
    python tests/support/record_mediapipe.py images PIXELS golden/mediapipe.json
Run the last command with the interpreter that has MediaPipe.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.atomic import atomic_file, check_file
from blazepalm.golden.manifest import load_golden

FACTS = Path(__file__).with_name("mediapipe.json")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RecordedHand:
    """`landmarks` (21, 3): x, y normalised to the image, z in image widths; `world_landmarks` (21,
    3) metres; `label` "Left" or "Right" as in a mirrored picture, with its `score`.
    """

    landmarks: Floats
    world_landmarks: Floats
    label: str
    score: float

    @property
    def handedness(self) -> float:
        """0 for a left hand to 1 for a right one, in a picture that is not mirrored."""
        return self.score if self.label == "Left" else 1.0 - self.score


@dataclass(frozen=True)
class RecordedCase:
    """`sha256` hashes the (H, W, 3) uint8 pixels that MediaPipe saw; `hands` of each model
    complexity (0: the lite models, 1: the full ones), in MediaPipe's order.
    """

    sha256: str
    hands: dict[int, tuple[RecordedHand, ...]]


def recorded_cases(path: Path = FACTS) -> dict[str, RecordedCase]:
    """Case name → what was recorded; unreadable cases are left out."""
    values = json.loads(path.read_text(encoding="utf-8"))["images"]
    return {
        name: RecordedCase(
            case["sha256"],
            {
                int(complexity): tuple(
                    RecordedHand(
                        np.array(hand["landmarks"], np.float32),
                        np.array(hand["world"], np.float32),
                        hand["label"],
                        hand["score"],
                    )
                    for hand in hands
                )
                for complexity, hands in case["hands"].items()
            },
        )
        for name, case in values.items()
    }


def pixels_sha256(image: NDArray[np.uint8]) -> str:
    """The hash of the pixels, row by row; independent of the file format."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def write_pixels(golden: Path, target: Path) -> int:
    """Writes every readable case as a plain PNG of its pixels; returns how many."""
    from PIL import Image

    found = load_golden(golden)
    readable = [case for case in found.cases if case.readable]
    for case in readable:
        path = target / f"{case.name}.png"
        check_file(path, force=True, inputs=[golden / case.file for case in found.cases])
        with atomic_file(path) as temporary:
            Image.fromarray(found.image(case)).save(temporary, "PNG", compress_level=1)
    return len(readable)


if __name__ == "__main__":
    print(f"{write_pixels(Path(sys.argv[1]), Path(sys.argv[2]))} pictures")
