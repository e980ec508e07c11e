"""The letterbox against arithmetic on paper and OpenCV's warp, which MediaPipe uses."""

import cv2
import numpy as np
import pytest
import torch

from blazepalm.models.letterbox import Letterbox, as_planes, letterbox


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (100, 100), (31, 7), (1, 1), (192, 192)])
@pytest.mark.parametrize("size", [(192, 192), (128, 128)])
def test_equals_opencv_warp(shape: tuple[int, int], size: tuple[int, int]) -> None:
    """The same affine map through cv2.warpAffine on float32, zero border: every pixel within
    OpenCV's own interpolation step (its weights have five fractional bits).
    """
    image = np.random.Generator(np.random.PCG64(3)).integers(0, 256, (*shape, 3), dtype=np.uint8)
    square, box = letterbox(as_planes(image), size, (0.0, 1.0))
    scale = max(shape[0] / size[0], shape[1] / size[1])
    matrix = np.array(
        [[scale, 0, -box.left * size[1] * scale], [0, scale, -box.top * size[0] * scale]]
    )
    expected = cv2.warpAffine(
        image.astype(np.float32), matrix, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    difference = np.abs(square[0].permute(1, 2, 0).numpy() * 255 - expected)
    assert difference.max() <= 255 / 32 + 0.5
    assert difference.mean() <= 255 / 64


def test_margins_on_paper() -> None:
    """640 × 480 in a square: margins of an eighth above and below, none at the sides."""
    square, box = letterbox(torch.full((3, 480, 640), 255.0), (192, 192), (-1.0, 1.0))
    assert (box.left, box.top) == (0.0, 0.125)
    assert square.shape == (1, 3, 192, 192)
    assert square[0, :, :23].unique().tolist() == [-1.0]  # black in −1..1
    assert square[0, :, -23:].unique().tolist() == [-1.0]
    inside = square[0, :, 30:160, :190]
    # positions are float32: within a thousandth of a grey level
    torch.testing.assert_close(inside, torch.ones_like(inside), rtol=0, atol=1e-5 * 2)


def test_points_come_back() -> None:
    box = Letterbox(left=0.0, top=0.125)
    points = torch.tensor([[0.5, 0.5, 0.0, 0.125, 1.0, 0.875]])
    torch.testing.assert_close(box.to_image(points), torch.tensor([[0.5, 0.5, 0, 0, 1, 1.0]]))
    torch.testing.assert_close(
        Letterbox(0.25, 0.0).depth_to_image(torch.tensor([0.1])), torch.tensor([0.2])
    )


def test_images_of_every_kind() -> None:
    array = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    planes = torch.from_numpy(array).permute(2, 0, 1)
    expected = planes.float()
    for image in (array, torch.from_numpy(array), planes, planes.float() / 255):
        torch.testing.assert_close(as_planes(image), expected)
    small = torch.rand(3, 3, 3)  # ambiguous: a float 3×3×3 tensor is 3×H×W
    torch.testing.assert_close(as_planes(small), small * 255)


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
        as_planes(image)


def test_read_only_arrays_are_taken() -> None:
    """As Pillow hands them out; torch would warn, and warnings are errors here."""
    array = np.zeros((4, 5, 3), np.uint8)
    array.setflags(write=False)
    assert as_planes(array).shape == (3, 4, 5)
