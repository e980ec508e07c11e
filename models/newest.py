"""The structure of each family's newest release, for networks that are built without a file:
`structures/palm.json` is palm-full-2023-09's, `structures/hand.json` hand-full-2022's.
"""

import json
from functools import cache
from pathlib import Path

from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec
from blazepalm.models.spec_json import spec_from_dict

STRUCTURES = Path(__file__).parent / "structures"


def newest_palm_spec() -> PalmDetectorSpec:
    """palm-full-2023-09: 192 × 192 pixels, 0..1, 2016 anchors."""
    spec = _read("palm")
    assert isinstance(spec, PalmDetectorSpec)
    return spec


def newest_hand_spec() -> HandLandmarksSpec:
    """hand-full-2022: 224 × 224 pixels, 0..1, with handedness and world landmarks."""
    spec = _read("hand")
    assert isinstance(spec, HandLandmarksSpec)
    return spec


@cache
def _read(family: str) -> Spec:
    text = (STRUCTURES / f"{family}.json").read_text(encoding="utf-8")
    return spec_from_dict(json.loads(text))
