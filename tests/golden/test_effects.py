"""Effects on a picture between hand and file, against arithmetic on paper."""

import io

import numpy as np
import pytest
from PIL import Image

from blazepalm.golden.effects import (
    FULL_WELL,
    READ_NOISE,
    Effects,
    Occluder,
    apply_effects,
    blur,
    occlude,
    sensor_noise,
    through_jpeg,
)

GREY = np.full((60, 80, 3), 128, np.uint8)
RANDOM = np.random.Generator(np.random.PCG64(5)).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def test_none_changes_nothing() -> None:
    np.testing.assert_array_equal(apply_effects(RANDOM, Effects(), 3), RANDOM)


def test_a_blurred_point_is_a_line_of_the_same_light() -> None:
    image = np.zeros((41, 41, 3), np.uint8)
    image[20, 20] = 255
    along = blur(image, 8.0, 0.0)
    lit = np.nonzero(along[..., 0])
    assert set(lit[0]) == {20}  # not upwards, not downwards
    assert list(lit[1]) == list(range(16, 25))  # 4 to each side
    linear = (along[..., 0] / 255.0) ** 2  # gamma 2
    assert linear.sum() == pytest.approx(1.0, abs=0.02)
    assert linear[20, 20] == pytest.approx(1 / 9, abs=0.005)
    down = blur(image, 8.0, 90.0)
    np.testing.assert_array_equal(down, along.transpose(1, 0, 2))


def test_blur_leaves_even_pictures_even() -> None:
    np.testing.assert_array_equal(blur(GREY, 11.0, 33.0), GREY)


def test_noise_is_as_large_as_electrons_say() -> None:
    """Shot noise √N and read noise together, in electrons, on a grey of (128/255)² of full well."""
    gain = 4.0
    large = np.full((200, 200, 3), 128, np.uint8)
    noisy = sensor_noise(large, gain, 1)
    electrons = (noisy / 255.0) ** 2 * FULL_WELL / gain
    mean = (128 / 255) ** 2 * FULL_WELL / gain
    assert electrons.mean() == pytest.approx(mean, rel=0.01)
    assert electrons.std() == pytest.approx(np.sqrt(mean + READ_NOISE**2), rel=0.05)
    np.testing.assert_array_equal(noisy, sensor_noise(large, gain, 1))
    assert (noisy != sensor_noise(large, gain, 2)).any()


def test_jpeg_is_pillows() -> None:
    stream = io.BytesIO()
    Image.fromarray(RANDOM).save(stream, "JPEG", quality=30, subsampling="4:2:0")
    expected = np.asarray(Image.open(stream).convert("RGB"))
    np.testing.assert_array_equal(through_jpeg(RANDOM, 30), expected)


@pytest.mark.parametrize("shape", ["box", "bar"])
def test_an_object_covers_its_place_and_shades_beside_it(shape: str) -> None:
    """20 wide and 10 high about (40, 30), in a picture 80×60."""
    red = (200, 20, 20)
    seen = occlude(GREY, Occluder(shape, (0.5, 0.5), (20 / 60, 10 / 60), 0.0, red))
    inside = seen[26:34, 31:49].astype(int)
    assert (inside[..., 0] > 2 * inside[..., 1]).all()
    assert (seen[5:20, 5:25] == 128).all()  # away from it, and up to the left of its shadow
    beside = seen[36, 40]  # just below: shadow
    assert (beside < 128).all() and len(set(beside.tolist())) == 1
    assert (seen[23, 40] >= seen[36, 40]).all()


def test_an_object_turns() -> None:
    level = Occluder("box", (0.5, 0.5), (0.6, 0.1), 0.0, (10, 10, 10))
    upright = Occluder("box", (0.5, 0.5), (0.6, 0.1), 90.0, (10, 10, 10))
    square = np.full((60, 60, 3), 220, np.uint8)
    one, other = (occlude(square, o)[..., 0] < 60 for o in (level, upright))
    assert one[30, 15] and one[30, 45] and not one[15, 30]
    assert other[15, 30] and other[45, 30] and not other[30, 15]
    assert one.sum() == pytest.approx(36 * 6, rel=0.15)


def test_edges_are_antialiased() -> None:
    slanted = Occluder("box", (0.5, 0.5), (0.5, 0.3), 20.0, (0, 0, 0))
    seen = occlude(np.full((90, 90, 3), 255, np.uint8), slanted)[..., 0]
    assert ((seen > 40) & (seen < 130)).any()


def test_every_effect_in_its_order() -> None:
    occluder = Occluder("bar", (0.5, 0.5), (0.5, 0.2))
    effects = Effects(occluder, motion=(3.0, 10.0), gain=8.0, jpeg=60)
    expected = through_jpeg(sensor_noise(blur(occlude(RANDOM, occluder), 3.0, 10.0), 8.0, 9), 60)
    np.testing.assert_array_equal(apply_effects(RANDOM, effects, 9), expected)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="shape is 'ball'"):
        Occluder("ball", (0.5, 0.5), (0.1, 0.1))
    with pytest.raises(ValueError, match="size is"):
        Occluder("box", (0.5, 0.5), (0.0, 0.1))
