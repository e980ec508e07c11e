"""A person as background: MediaPipe's face detector is the witness that a face is there."""

import numpy as np
import pytest

from blazepalm.golden.backgrounds import make_background
from blazepalm.golden.render import encode

SIZE = (240, 320)
# What `mp.solutions.face_detection` (0.10.21, short range) answers to the pictures of these seeds:
# its score, and in pixels the eyes, the tip of the nose and the mouth.
FACES = {
    1: (0.912, (135.6, 101.1), (176.9, 98.9), (152.9, 120.1), (155.7, 142.8)),
    2: (0.906, (126.6, 91.3), (168.2, 88.7), (144.8, 113.6), (147.5, 134.6)),
    4: (0.896, (129.0, 104.0), (169.9, 104.1), (151.9, 127.2), (150.8, 147.4)),
}


@pytest.mark.parametrize("seed", FACES)
def test_a_face_is_where_mediapipe_sees_it(seed: int) -> None:
    score, *eyes, nose, mouth = FACES[seed]
    assert score > 0.8
    image = encode(make_background("portrait", SIZE, seed)).astype(int)

    def patch(point: tuple[float, float], aside: int = 8) -> np.ndarray:
        x, y = (round(value) for value in point)
        return image[y - aside : y + aside + 1, x - aside : x + aside + 1]

    for eye in eyes:
        grey = patch(eye).mean(axis=2)
        assert grey.min() < 60 and grey.max() > 170  # a pupil and the white around it
    lips, skin = (patch(p, 4).reshape(-1, 3) for p in (mouth, nose))
    assert (lips[:, 0] / lips[:, 1]).max() > (skin[:, 0] / skin[:, 1]).max()  # redder
    assert lips.mean() < skin.mean()


def test_people_differ() -> None:
    one, other = (make_background("portrait", (48, 64), seed) for seed in (1, 2))
    assert np.abs(one - other).mean() > 0.05


def test_the_smallest_pictures() -> None:
    for size in ((1, 1), (1, 3), (2, 2)):
        assert np.isfinite(make_background("portrait", size, 1)).all()
