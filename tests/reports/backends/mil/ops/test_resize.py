"""Resizing. Expected are positions worked out by hand, the grids printed in Core ML's documents,
and values of coremltools' own tests, which run on Core ML.
"""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

LINE = np.array([0.0, 1.0], np.float32).reshape(1, 1, 2)  # a source position is its own value


@pytest.mark.parametrize(
    ("mode", "size", "positions"),
    [
        # the documents' example: Xin = 2
        ("UNALIGN_CORNERS", 5, [0.0, 0.1, 0.5, 0.9, 1.0]),
        ("STRICT_ALIGN_CORNERS", 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("ALIGN_CORNERS", 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("DEFAULT", 5, [0.0, 0.4, 0.8, 1.0, 1.0]),
        ("OFFSET_CORNERS", 5, [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("UNALIGN_CORNERS", 6, [0.0, 0.0, 1 / 3, 2 / 3, 1.0, 1.0]),
        ("STRICT_ALIGN_CORNERS", 6, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ("DEFAULT", 6, [0.0, 1 / 3, 2 / 3, 1.0, 1.0, 1.0]),
        ("OFFSET_CORNERS", 6, [1 / 12, 0.25, 5 / 12, 7 / 12, 0.75, 11 / 12]),
        # where one pixel remains the two kinds of aligned corners part
        ("STRICT_ALIGN_CORNERS", 1, [0.0]),
        ("ALIGN_CORNERS", 1, [0.5]),
    ],
)
def test_the_grid_of_each_sampling_mode(
    run: Any, mode: str, size: int, positions: list[float]
) -> None:
    found = run(
        lambda x: (
            Builder.resize_bilinear(
                x=x, target_size_height=1, target_size_width=size, sampling_mode=mode
            ),
            Builder.resize(
                x=x,
                shape=[1, 1, size],
                resized_dims=np.uint32(2),
                interpolation_mode="LINEAR",
                sampling_mode=mode,
            ),
        ),
        x=LINE,
    )
    for value in found:
        np.testing.assert_allclose(value.reshape(-1), positions, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("mode", "rows", "columns"),
    [
        # 4 rows to 2, 5 columns to 3
        ("UNALIGN_CORNERS", [0.5, 2.5], [1 / 3, 2.0, 11 / 3]),
        ("STRICT_ALIGN_CORNERS", [0.0, 3.0], [0.0, 2.0, 4.0]),
        ("ALIGN_CORNERS", [0.0, 3.0], [0.0, 2.0, 4.0]),
        ("DEFAULT", [0.0, 2.0], [0.0, 5 / 3, 10 / 3]),
        ("OFFSET_CORNERS", [0.75, 2.25], [2 / 3, 2.0, 10 / 3]),
    ],
)
def test_smaller_in_two_dimensions(
    run: Any, mode: str, rows: list[float], columns: list[float]
) -> None:
    """The picture 10·row + column is linear, so each value tells where it was read."""
    picture = (10 * np.arange(4)[:, None] + np.arange(5)).astype(np.float32)
    x = np.stack([picture, -picture])[None]
    (found,) = run(
        lambda x: Builder.resize_bilinear(
            x=x, target_size_height=2, target_size_width=3, sampling_mode=mode
        ),
        x=x,
    )
    expected = 10 * np.array(rows)[:, None] + np.array(columns)
    np.testing.assert_allclose(found, np.stack([expected, -expected])[None], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("factor", "align", "expected"),
    [
        # coremltools' own tests: 2·2.6 = 5 pixels, the spacing recomputed as 2 / 5
        (3, True, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (2.6, False, [0.0, 0.1, 0.5, 0.9, 1.0]),
    ],
)
def test_upsample_bilinear(run: Any, factor: float, align: bool, expected: list[float]) -> None:
    height = type(factor)(1)
    (found,) = run(
        lambda x: Builder.upsample_bilinear(
            x=x, scale_factor_height=height, scale_factor_width=factor, align_corners=align
        ),
        opset="iOS15",
        x=LINE,
    )
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-6, atol=1e-7)


def test_upsample_bilinear_without_half_pixels(run: Any) -> None:
    """Neither corners aligned nor centres: TensorFlow's old grid, i·Xin/Xout."""
    (found,) = run(
        lambda x: Builder.upsample_bilinear(
            x=x,
            scale_factor_height=1,
            scale_factor_width=3,
            align_corners=False,
            half_pixel_centers=False,
        ),
        x=LINE,
    )
    np.testing.assert_allclose(found.reshape(-1), [0, 1 / 3, 2 / 3, 1, 1, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        ((1, 2), [[1.5, 1.5, -2.5, -2.5, 3.5, 3.5]]),
        # coremltools' own tests on Core ML: the spacing is recomputed from the sizes, so that
        # 3·1.12 = 3 pixels are the source itself
        ((3.17, 0.67), [[1.5, -2.5]] * 3),
        ((2.0, 1.12), [[1.5, -2.5, 3.5]] * 2),
    ],
)
def test_upsample_nearest_neighbor(
    run: Any, factor: tuple[float, float], expected: list[list[float]]
) -> None:
    x = np.array([1.5, -2.5, 3.5], np.float32).reshape(1, 1, 1, 3)
    (found,) = run(
        lambda x: Builder.upsample_nearest_neighbor(
            x=x, scale_factor_height=factor[0], scale_factor_width=factor[1]
        ),
        x=x,
    )
    np.testing.assert_array_equal(found[0, 0], np.array(expected, np.float32))


def test_nearest_of_a_size_takes_the_pixel_under_the_centre(run: Any) -> None:
    """coremltools' own test of `resize` on Core ML: rows a, b to 3 are a, b, b (centres at
    ⅓, 1, 5/3), where the corner's rule would give a, a, b. Columns from 5 to 3: 0, 2, 4.
    """
    x = np.array([-6.174, 9.371], np.float32)[:, None] * np.ones(5, np.float32)
    x = (x + np.arange(5)).astype(np.float32)[None, None]
    found = run(
        lambda x: (
            Builder.resize_nearest_neighbor(x=x, target_size_height=3, target_size_width=3),
            Builder.resize(
                x=x,
                shape=[3, 3],
                resized_dims=np.uint32(2),
                interpolation_mode="NEAREST_NEIGHBOR",
                sampling_mode="DEFAULT",
            ),
        ),
        x=x,
    )
    for value in found:
        np.testing.assert_array_equal(value, x[:, :, [0, 1, 1]][..., [0, 2, 4]])


def test_resize_to_a_computed_shape(run: Any) -> None:
    """0 keeps an axis; only the last `resized_dims` of `shape` count."""
    shape = np.array([7, 0, 5], np.int32)
    (found,) = run(
        lambda x, shape: Builder.resize(x=x, shape=shape, resized_dims=np.uint32(2)),
        x=LINE.reshape(1, 1, 1, 2),
        shape=shape,
    )
    np.testing.assert_allclose(found, np.reshape([0, 0.4, 0.8, 1, 1], (1, 1, 1, 5)), rtol=1e-6)


def test_crop(run: Any) -> None:
    x = np.arange(40, dtype=np.float32).reshape(1, 2, 4, 5)
    (found,) = run(lambda x: Builder.crop(x=x, crop_height=[0, 1], crop_width=[2, 1]), x=x)
    np.testing.assert_array_equal(found, x[:, :, :3, 2:4])


def test_float16_is_rounded_after_the_whole_operation(run: Any) -> None:
    """A third of 1 in float16, from positions computed in float32."""
    (found,) = run(
        lambda x: Builder.resize_bilinear(
            x=x, target_size_height=1, target_size_width=6, sampling_mode="DEFAULT"
        ),
        x=LINE.astype(np.float16),
    )
    assert found.reshape(-1).tolist() == [
        0.0,
        float(np.float16(1 / 3)),
        float(np.float16(2 / 3)),
        1.0,
        1.0,
        1.0,
    ]
