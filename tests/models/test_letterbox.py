"""Pictures of every kind, and a network's square input, on paper. `test_crop.py` compares the warp
itself with OpenCV 4.
"""

import numpy as np
import pytest
import torch

from blazepalm.models.letterbox import as_pixels, letterbox


def test_margins_on_paper() -> None:
    """640 × 480 in a square: margins of an eighth above and below, none at the sides."""
    square, box = letterbox(np.full((480, 640, 3), 255, np.uint8), (192, 192), (-1.0, 1.0))
    assert (box.left, box.top) == (0.0, 0.125)
    assert square.shape == (1, 192, 192, 3) and square.dtype == np.float32
    assert np.unique(square[0, :23]).tolist() == [-1.0]  # black in −1..1
    assert np.unique(square[0, -23:]).tolist() == [-1.0]
    assert np.unique(square[0, 30:160, :190]).tolist() == [1.0]


def test_channels_stay_apart() -> None:
    image = np.zeros((30, 20, 3), np.uint8)
    image[..., 0], image[..., 2] = 51, 102
    square, box = letterbox(image, (30, 30), (0.0, 1.0))
    assert box.top == 0.0
    assert box.left == pytest.approx(1 / 6)
    np.testing.assert_allclose(square[0, 10, 15], [0.2, 0.0, 0.4], atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (31, 7), (3, 500)])
def test_any_size(shape: tuple[int, int]) -> None:
    square, _ = letterbox(np.full((*shape, 3), 255, np.uint8), (192, 192), (0.0, 1.0))
    assert square.shape == (1, 192, 192, 3)
    assert square.max() == 1.0


def test_images_of_every_kind() -> None:
    array = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    planes = torch.from_numpy(array).permute(2, 0, 1)
    for image in (array, torch.from_numpy(array), planes, planes.float() / 255, array / 255):
        found = as_pixels(image)
        assert found.dtype == np.uint8 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, array)
    small = torch.rand(3, 3, 3)  # ambiguous: a float 3×3×3 tensor is 3×H×W
    np.testing.assert_array_equal(
        as_pixels(small), (small * 255).round().byte().permute(1, 2, 0).numpy()
    )
    assert as_pixels(np.full((2, 2, 3), 1.5)).max() == 255  # beyond 0..1: clipped


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.int32),
        np.zeros((0, 5, 3), np.uint8),
        torch.zeros(2, 3, 4, 5),
    ],
)
def test_other_arrays_are_refused(image: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        as_pixels(image)  # type: ignore[arg-type]


def test_read_only_arrays_are_taken() -> None:
    """Pillow returns such arrays."""
    array = np.zeros((4, 5, 3), np.uint8)
    array.setflags(write=False)
    assert as_pixels(array).shape == (4, 5, 3)
    assert letterbox(as_pixels(array), (8, 8), (0.0, 1.0))[0].shape == (1, 8, 8, 3)
