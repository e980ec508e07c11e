"""Pictures converted for inputs, against pixels written down here."""

from dataclasses import replace

import numpy as np
import pytest

from blazepalm.errors import InvalidInput
from blazepalm.reports.backends.mil.interface import Feature, Range
from blazepalm.reports.backends.mil.values import TensorType
from blazepalm.reports.run.feed import feed, picture_input, tensor_layout

# four pixels, each grown to 2×2: whatever a bilinear filter does, the corners stay as they are
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 51, 51)
PICTURE = np.array([[RED, GREEN], [BLUE, GREY]], np.uint8)


def tensor(*shape: int | None, dtype: str = "FLOAT32", name: str = "x") -> Feature:
    return Feature(name, TensorType(dtype, shape))


def image(layout: str, height: int = 2, width: int = 2) -> Feature:
    channels = 1 if layout.startswith("gray") else 3
    type_ = TensorType("FLOAT32", (1, channels, height, width))
    return Feature("picture", type_, image=layout, shape=(height, width))


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 3, 8, 6), "NCHW"),
        ((1, 8, 6, 3), "NHWC"),
        ((1, 1, 8, 6), "NCHW"),
        ((4, 8, 6, 1), "NHWC"),
        ((3, 8, 6), "CHW"),
        ((8, 6, 3), "HWC"),
        ((1, 1, 8, 3), "NHWC"),  # three channels are likelier than one
        ((1, 3, 3, 3), "NCHW"),  # planes are likelier
        ((None, 3, 8, 6), "NCHW"),
        ((1, 8, 6, 4), None),
        ((8, 6), None),
        ((1, 1, 3, 8, 6), None),
        ((), None),
    ],
)
def test_what_looks_like_an_image(shape: tuple[int | None, ...], layout: str | None) -> None:
    assert tensor_layout(tensor(*shape)) == layout
    assert tensor_layout(tensor(*shape, dtype="BOOL")) is None


def test_planes_and_pixels_in_every_rank() -> None:
    expected = PICTURE / np.float32(255)
    for shape, axes in [
        ((1, 2, 2, 3), (0, 1, 2, 3)),
        ((2, 2, 3), (0, 1, 2)),
    ]:
        value, fed = feed(tensor(*shape), PICTURE, "x")
        assert value.dtype == np.float32 and value.shape == shape
        np.testing.assert_allclose(value.reshape(2, 2, 3), expected, rtol=1e-6)
        assert (fed.value_range, fed.size, fed.letterbox) == ((0.0, 1.0), (2, 2), False)
        planes = tuple(np.array(shape)[[*range(len(axes) - 3), -1, -3, -2]])
        value, fed = feed(tensor(*map(int, planes)), PICTURE, "x")
        np.testing.assert_allclose(value.reshape(3, 2, 2), expected.transpose(2, 0, 1), rtol=1e-6)
        assert fed.layout.endswith("CHW")


def test_a_range() -> None:
    value, fed = feed(tensor(1, 2, 2, 3), PICTURE, "x", value_range=(-1.0, 1.0))
    np.testing.assert_allclose(value[0, 0, 0], [1, -1, -1])
    np.testing.assert_allclose(value[0, 1, 1], [-0.6] * 3, atol=1e-6)  # 51 is a fifth of 255
    assert fed.value_range == (-1.0, 1.0)


def test_integers_are_pixels() -> None:
    value, fed = feed(tensor(1, 2, 2, 3, dtype="INT32"), PICTURE, "x")
    assert value.dtype == np.int32
    np.testing.assert_array_equal(value[0], PICTURE)
    assert fed.value_range == (0.0, 255.0)
    value, _ = feed(tensor(1, 2, 2, 3, dtype="INT32"), PICTURE, "x", value_range=(0.0, 10.0))
    assert value[0, 1, 1].tolist() == [2, 2, 2]


def test_an_image_is_pixels_whatever_the_range() -> None:
    """The value is RGB for RGB and BGR inputs alike: the runtime reorders the channels."""
    for layout in ("RGB", "BGR"):
        value, fed = feed(image(layout), PICTURE, "x", value_range=(-1.0, 1.0))
        assert value.dtype == np.uint8
        np.testing.assert_array_equal(value, PICTURE)
        assert (fed.layout, fed.value_range) == (layout, (0.0, 255.0))


@pytest.mark.parametrize(
    ("feature", "dtype"),
    [
        (image("grayscale"), np.uint8),
        (image("grayscale float16"), np.float16),
        (tensor(1, 1, 2, 2, dtype="INT32"), np.int32),
    ],
)
def test_grey_by_the_weights_of_itu_r_601(feature: Feature, dtype: type) -> None:
    value, _ = feed(feature, PICTURE, "x")
    assert value.dtype == dtype
    grey = [0.299 * 255, 0.587 * 255, 0.114 * 255, 51]
    np.testing.assert_allclose(value.reshape(-1).astype(float), grey, atol=0.51)


def test_a_picture_is_stretched_or_keeps_its_proportions() -> None:
    """4 wide and 2 high into 4 × 4: the whole square is grey, or its first and last row black."""
    wide = np.full((2, 4, 3), 51, np.uint8)
    stretched, _ = feed(image("RGB", 4, 4), wide, "x")
    assert (stretched == 51).all()
    boxed, fed = feed(image("RGB", 4, 4), wide, "x", letterbox=True)
    assert boxed[:, :, 0].tolist() == [[0] * 4, [51] * 4, [51] * 4, [0] * 4]
    assert fed.letterbox


def test_rows_are_rows() -> None:
    """A picture 2 wide and 4 high, into an input of 4 rows and 2 columns."""
    value, fed = feed(tensor(1, 3, 4, 2), np.repeat(PICTURE, 2, axis=0), "x")
    assert value.shape == (1, 3, 4, 2) and fed.size == (4, 2)
    np.testing.assert_allclose(value[0, 0] * 255, [[255, 0], [255, 0], [0, 51], [0, 51]], rtol=1e-6)


def test_several_pictures_at_once_are_the_same_one() -> None:
    value, _ = feed(tensor(3, 2, 2, 3), PICTURE, "x")
    assert value.shape == (3, 2, 2, 3)
    assert (value == value[:1]).all()


def test_flexible_shapes_take_the_default() -> None:
    flexible = replace(
        tensor(None, 3, None, None),
        shape=(1, 3, 2, 2),
        ranges=(Range(1, 4), Range(3, 3), Range(1, None), Range(1, None)),
    )
    assert feed(flexible, PICTURE, "x")[0].shape == (1, 3, 2, 2)


def test_sizes_that_no_picture_has() -> None:
    for feature in (
        tensor(1, 3, 1 << 20, 1 << 20),
        tensor(1 << 28, 3, 2, 2),
        tensor(1, 3, 0, 2),
        image("RGB", 1 << 20, 1 << 20),
    ):
        with pytest.raises(InvalidInput, match=r"a size that no picture|too many pictures"):
            feed(feature, PICTURE, "x")
    with pytest.raises(InvalidInput, match="does not look like an image"):
        feed(tensor(5, 7), PICTURE, "x")


def test_which_input_a_picture_goes_to() -> None:
    planes, other = tensor(1, 3, 8, 8, name="planes"), tensor(5, name="other")
    assert picture_input([other, planes], None, "x") is planes
    assert picture_input([planes, image("RGB")], None, "x").name == "picture"
    assert picture_input([planes, other], "other", "x") is other
    second = tensor(1, 8, 8, 3, name="pixels")
    with pytest.raises(InvalidInput, match="could go to planes, pixels; say which"):
        picture_input([planes, second], None, "x")
    with pytest.raises(InvalidInput, match=r"takes other: FLOAT32\[5\], not an image; use --input"):
        picture_input([other], None, "x")
