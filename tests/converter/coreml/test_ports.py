"""A package's descriptions of its outputs, checked against pictures whose truth is known."""

import re
from functools import cache

import numpy as np
import pytest

from blazepalm.converter.convert import module_of
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.golden.cases import CASES, draw_case
from blazepalm.models.hand_pipeline import HandPipeline
from blazepalm.reports.hands.open_models import open_hand_models

CLAIM = re.compile(
    r"0 is a (left|right) hand, 1 a (left|right) one, in a picture that is (not )?mirrored; "
    r"in a mirrored one it is the other way round\."
)


@cache
def seen(name: str) -> tuple[str, float, float]:
    """The rendered side of the one hand in a golden picture, and LiteRT's result for the picture
    and for its mirror image.
    """
    (plan,) = (case for case in CASES if case.name == name)
    image, (truth,) = draw_case(plan)
    pipeline = HandPipeline(open_hand_models("palm-full", "hand-full", "tflite"))
    found = []
    for picture in (image, np.ascontiguousarray(image[:, ::-1])):
        (hand,) = pipeline(picture)
        assert hand.handedness is not None
        found.append(float(hand.handedness))
    return truth.handedness, found[0], found[1]


@pytest.mark.parametrize("face", ["raw", "app", "batch"])
@pytest.mark.parametrize("name", ["open-right", "open-left"])
def test_handedness_is_what_the_text_says(name: str, face: str) -> None:
    side, plain, mirrored = seen(name)
    _, outputs = face_ports(module_of("hand-full"), face)
    (text,) = (port.description for port in outputs if port.name == "handedness")
    claim = CLAIM.fullmatch(text)
    assert claim is not None and claim[1] != claim[2]
    of, other = (plain, mirrored) if claim[3] else (mirrored, plain)
    expected = float(side == claim[2])
    assert abs(of - expected) < 0.1 and abs(other - (1 - expected)) < 0.1
