"""Sampling at positions. The expected values are those of coremltools' own tests, which run on
Core ML, and positions worked out by hand.
"""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

CORNERS = np.array([11.0, 22.0, 33.0, 44.0], np.float32).reshape(1, 1, 2, 2)
COUNTING = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)  # 1 + 4·row + column


@pytest.mark.parametrize(
    ("sampling", "padding", "fill", "coordinates", "align", "expected"),
    [
        # half way between a pixel and the padding value; outside altogether
        (
            "bilinear",
            "constant",
            6.17,
            "normalized_minus_one_to_one",
            True,
            [8.585, 6.17, 27.5, 6.17],
        ),
        ("nearest", "border", -1.0, "unnormalized", False, [11.0, 11.0, 11.0, 44.0]),
        ("bilinear", "reflection", -1.0, "normalized_zero_to_one", True, [22.0, 36.3, 11.0, 34.1]),
        ("nearest", "symmetric", -1.0, "normalized_zero_to_one", False, [22.0, 33.0, 11.0, 33.0]),
    ],
)
def test_resample_as_core_ml_has_it(
    run: Any,
    sampling: str,
    padding: str,
    fill: float,
    coordinates: str,
    align: bool,
    expected: list[float],
) -> None:
    places = np.array([-1, -2, -3.7, -1, 0, 0, 3.5, 1.2], np.float32).reshape(1, 2, 2, 2)
    (found,) = run(
        lambda x, at: Builder.resample(
            x=x,
            coordinates=at,
            sampling_mode=sampling,
            padding_mode=padding,
            padding_value=fill,
            coordinates_mode=coordinates,
            align_corners=align,
        ),
        x=CORNERS,
        at=places,
    )
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-5)


def test_resample_tells_rows_from_columns_and_images_apart(run: Any) -> None:
    picture = (10 * np.arange(3)[:, None] + np.arange(4)).astype(np.float32)
    x = np.stack([picture, picture + 100])[:, None]
    places = np.array([[[[2.5, 0.5]]], [[[0.0, 1.25]]]], np.float32)  # (x, y) of each image
    (found,) = run(
        lambda x, at: Builder.resample(
            x=x,
            coordinates=at,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="unnormalized",
            align_corners=True,
        ),
        x=x,
        at=places,
    )
    assert found.reshape(-1).tolist() == [7.5, 112.5]


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (3, 3, [10.752501, 2.5025, 0.0, 1.9799997, 0.0, 0.0, 0.0, 0.0, 0.0]),
        (2, 5, [10.752501, 5.94, 2.5025, 0.44000006, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_affine_as_core_ml_has_it(run: Any, height: int, width: int, expected: list[float]) -> None:
    matrix = np.array([[-1.0, -2.0, -3.7, -1.0, 3.5, 1.2]], np.float32)
    (found,) = run(
        lambda x, matrix: Builder.affine(
            x=x,
            transform_matrix=matrix,
            output_height=height,
            output_width=width,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
        ),
        x=CORNERS,
        matrix=matrix,
    )
    assert found.shape == (1, 1, height, width)
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ([1, 1, 2, 2], 2, [6, 7, 10, 11]),
        (
            [1, 1, 2, 2],
            4,
            [6 + (4 * row + column) / 3 for row in range(4) for column in range(4)],
        ),
        ([1, 1, 2, 2], 1, [8.5]),
        ([2, 2, 1, 1], 2, [11, 10, 7, 6]),  # back to front
    ],
)
def test_crop_resize_as_core_ml_has_it(
    run: Any, box: list[float], size: int, expected: list[float]
) -> None:
    roi = np.array(box, np.float32).reshape(1, 1, 4, 1, 1)
    (found,) = run(
        lambda x, roi: Builder.crop_resize(
            x=x,
            roi=roi,
            target_height=size,
            target_width=size,
            box_coordinate_mode="CORNERS_HEIGHT_FIRST",
            sampling_mode="ALIGN_CORNERS",
        ),
        opset="iOS15",
        x=COUNTING,
        roi=roi,
    )
    assert found.shape == (1, 1, 1, size, size)
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-6)


def test_a_roi_of_five_names_its_image_first(run: Any) -> None:
    """(coremltools infers a type with all images in it, so this test gives only one.)"""
    roi = np.array([0, 0, 0, 1 / 3, 1 / 3], np.float32).reshape(1, 1, 5, 1, 1)
    (found,) = run(
        lambda x, roi: Builder.crop_resize(
            x=x,
            roi=roi,
            target_height=2,
            target_width=2,
            normalized_coordinates=True,
            sampling_mode="ALIGN_CORNERS",
        ),
        opset="iOS15",
        x=COUNTING,
        roi=roi,
    )
    np.testing.assert_allclose(found.reshape(-1), [1, 2, 5, 6], rtol=1e-6)


def test_crop_resize_of_every_image(run: Any) -> None:
    x = np.concatenate([COUNTING, COUNTING + 100])
    roi = np.array([[1, 1, 2, 2], [0, 0, 1, 1], [2, 2, 3, 3]], np.float32).reshape(3, 1, 4, 1, 1)
    (found,) = run(
        lambda x, roi: Builder.crop_resize(
            x=x, roi=roi, target_height=1, target_width=1, sampling_mode="ALIGN_CORNERS"
        ),
        opset="iOS15",
        x=x,
        roi=roi,
    )
    assert found.shape == (3, 2, 1, 1, 1)
    assert found.reshape(3, 2).tolist() == [[8.5, 108.5], [3.5, 103.5], [13.5, 113.5]]


def test_crop_resize_pads_outside_as_core_ml_does(run: Any) -> None:
    boxes = np.array([[0.1, 0.3, 1.3, 1.0], [0.5, 1.8, 1.0, 0.3], [0.0, 0.4, 0.6, 0.7]], np.float32)
    (found,) = run(
        lambda x, boxes, which: Builder.crop_resize(
            x=x,
            boxes=boxes,
            box_indices=which,
            target_height=2,
            target_width=2,
            normalized_coordinates=True,
            box_coordinate_mode="CORNERS_HEIGHT_FIRST",
            sampling_mode="ALIGN_CORNERS",
            pad_value=10.0,
        ),
        x=COUNTING,
        boxes=boxes,
        which=np.zeros(3, np.int32),
    )
    expected = [3.1, 5.2, 10.0, 10.0, 10.0, 7.9, 10.0, 13.9, 2.2, 3.1, 9.4, 10.3]
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("mode", "box"),
    [
        ("CORNERS_HEIGHT_FIRST", [0.5, 1.0, 1.5, 3.0]),
        ("CORNERS_WIDTH_FIRST", [1.0, 0.5, 3.0, 1.5]),
        ("CENTER_SIZE_HEIGHT_FIRST", [1.0, 2.0, 1.0, 2.0]),
        ("CENTER_SIZE_WIDTH_FIRST", [2.0, 1.0, 2.0, 1.0]),
    ],
)
def test_every_way_to_write_one_box(run: Any, mode: str, box: list[float]) -> None:
    """Rows 0.5 to 1.5, columns 1 to 3: corners 1 + 4·row + column."""
    (found,) = run(
        lambda x, boxes: Builder.crop_resize(
            x=x,
            boxes=boxes,
            target_height=2,
            target_width=2,
            box_coordinate_mode=mode,
            sampling_mode="STRICT_ALIGN_CORNERS",
        ),
        x=COUNTING,
        boxes=np.array([box], np.float32),
    )
    assert found.reshape(-1).tolist() == [4.0, 6.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        # a box from row 1 to row 3 (Xin = 3), four samples
        ("STRICT_ALIGN_CORNERS", [1.0, 5 / 3, 7 / 3, 3.0]),
        ("DEFAULT", [1.0, 1.75, 2.5, 3.25]),
        ("OFFSET_CORNERS", [1.25, 1.75, 2.25, 2.75]),
        ("UNALIGN_CORNERS", [0.875, 1.625, 2.375, 3.125]),
    ],
)
def test_the_grid_of_a_box(run: Any, mode: str, rows: list[float]) -> None:
    x = np.repeat(np.arange(6, dtype=np.float32), 2).reshape(1, 1, 6, 2)  # its own row
    (found,) = run(
        lambda x, boxes: Builder.crop_resize(
            x=x, boxes=boxes, target_height=4, target_width=1, sampling_mode=mode
        ),
        x=x,
        boxes=np.array([[2, 0, 6, 0]], np.float32) / 2,
    )
    np.testing.assert_allclose(found.reshape(-1), rows, rtol=1e-6)


def test_a_spatial_scale(run: Any) -> None:
    (found,) = run(
        lambda x, boxes: Builder.crop_resize(
            x=x,
            boxes=boxes,
            target_height=1,
            target_width=1,
            spatial_scale=np.float32(0.25),
            sampling_mode="ALIGN_CORNERS",
        ),
        x=COUNTING,
        boxes=np.array([[4, 4, 8, 8]], np.float32),
    )
    assert found.item() == 8.5
