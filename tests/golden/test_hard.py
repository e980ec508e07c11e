"""Pictures without a hand: their contents, and that they are repeatable."""

import numpy as np
import pytest

from blazepalm.golden.hard import DRAWINGS

SIZE = (96, 128)


@pytest.mark.parametrize("name", DRAWINGS)
def test_shape_and_repetition(name: str) -> None:
    image = DRAWINGS[name](SIZE, 7)
    assert image.shape == (*SIZE, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, DRAWINGS[name](SIZE, 7))


def test_black_white_and_noise() -> None:
    assert not DRAWINGS["black"](SIZE, 0).any()
    assert (DRAWINGS["white"](SIZE, 0) == 255).all()
    noise = DRAWINGS["noise"](SIZE, 0)
    assert noise.mean() == pytest.approx(127.5, abs=3)
    assert len(np.unique(noise)) == 256
    assert (noise != DRAWINGS["noise"](SIZE, 1)).mean() > 0.9


def test_stripes_alternate() -> None:
    row = DRAWINGS["stripes"](SIZE, 0)[0, :, 0].astype(int)
    assert len(set(row.tolist())) == 2
    assert 4 <= np.count_nonzero(np.diff(row)) <= 8  # 128 pixels in bars of 22


def test_the_ball_is_round_lit_from_the_upper_left_and_of_skin() -> None:
    image = DRAWINGS["skin-ball"](SIZE, 0).astype(int)
    wall = image[0, 0]
    ball = (np.abs(image - wall).max(axis=2) > 8).sum()
    assert ball == pytest.approx(np.pi * (0.28 * 96) ** 2, rel=0.05)
    assert image[40, 55].sum() > image[58, 75].sum()
    assert (np.diff(image[48, 64]) < 0).all()  # red, then green, then blue


def test_the_face_has_two_dark_eyes_and_a_red_mouth() -> None:
    image = DRAWINGS["face-drawing"](SIZE, 0).astype(int)
    eyes = [image[round(0.43 * 96), round((0.5 + side * 0.075) * 128)] for side in (-1, 1)]
    assert max(eye.max() for eye in eyes) < 110
    mouth, skin = image[round(0.665 * 96), 64], image[round(0.25 * 96), 64]
    assert mouth[0] > 1.5 * mouth[1] and skin.min() > 140
