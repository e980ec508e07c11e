"""Backgrounds: in range, repeatable, all different."""

import numpy as np
import pytest

from blazepalm.golden.backgrounds import BACKGROUNDS, make_background

SIZE = (48, 64)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_each(name: str) -> None:
    picture = make_background(name, SIZE, 1)
    assert picture.shape == (3, *SIZE)
    assert picture.dtype == np.float32
    assert picture.min() >= 0.0 and picture.max() <= 1.0
    np.testing.assert_array_equal(picture, make_background(name, SIZE, 1))
    assert (picture != make_background(name, SIZE, 2)).any()


def test_plain_is_one_colour_and_noise_is_none() -> None:
    plain = make_background("plain", SIZE)
    assert (plain == plain[:, :1, :1]).all()
    noise = make_background("noise", SIZE)
    assert np.unique(noise).size > 0.99 * noise.size


def test_the_same_picture_at_twice_the_size() -> None:
    for name in ("gradient", "clutter", "room"):
        small = make_background(name, SIZE, 4)
        large = make_background(name, (SIZE[0] * 2, SIZE[1] * 2), 4)
        halved = large.reshape(3, SIZE[0], 2, SIZE[1], 2).mean(axis=(2, 4))
        assert np.abs(halved - small).mean() < 0.02


def test_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        make_background("forest", SIZE)
