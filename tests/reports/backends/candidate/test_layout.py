"""Which axis is which: what may be laid out as the file's output, and what may not."""

import numpy as np
import pytest

from blazepalm.reports.backends.candidate.layout import Reading, arrangements, readings
from blazepalm.reports.backends.candidate.model import Input

Shape = tuple[int, ...]


@pytest.mark.parametrize(
    ("found", "wanted", "ways"),
    [
        ((1, 63), (1, 63), 1),
        ((63,), (1, 63), 1),
        ((21, 3), (1, 63), 2),  # point by point, or coordinate by coordinate
        ((1, 18, 2016), (1, 2016, 18), 1),
        ((1, 4, 1, 1), (1, 1, 1, 4), 1),
        ((), (1, 1), 1),
        ((1, 2016, 18), (1, 2016, 18), 1),
        ((18, 2016), (1, 36288), 2),
        ((2016, 18), (1, 1512, 24), 0),  # as many values, but other axes
        ((1, 62), (1, 63), 0),
    ],
)
def test_only_axes_are_moved_split_and_joined(found: Shape, wanted: Shape, ways: int) -> None:
    assert len(list(arrangements(found, wanted))) == ways


def test_turned_axes_are_turned_back() -> None:
    values = np.arange(6.0).reshape(1, 2, 3)
    (way,) = arrangements((1, 3, 2), (1, 2, 3))
    assert np.array_equal(way.of(values.transpose(0, 2, 1)), values)


def test_an_image_is_given_as_the_reading_says() -> None:
    """0.25 of 0..1 is −0.5 of −1..1 and 63.75 of 0..255."""
    image = np.zeros((1, 2, 4, 3), np.float32)
    image[0, 0, 1] = (0.25, 0.5, 1.0)
    planes = Reading("N×C×H×W", (-1.0, 1.0), "BGR").given(image, (0.0, 1.0))
    assert planes.shape == (1, 3, 2, 4) and planes.dtype == np.float32
    assert planes[0, :, 0, 1].tolist() == [1.0, 0.0, -0.5] and planes[0, 0, 1, 2] == -1.0
    pixels = Reading("H×W×C", (0.0, 255.0)).given(image, (0.0, 1.0))
    assert pixels[0, 1].tolist() == [63.75, 127.5, 255.0]
    same = Reading("N×H×W×C", (0.0, 1.0)).given(image, (0.0, 1.0))
    assert np.array_equal(same, image)


def test_the_readings_of_an_input() -> None:
    """The file's own range and colours come first; a stated range is the only one."""
    shape = (1, 8, 6, 3)
    planes = Input("x", lambda given: given == (1, 3, 8, 6), "1×3×8×6")
    found = readings(planes, shape, (-1.0, 1.0))
    assert str(found[0]) == "N×C×H×W in -1..1, RGB"
    assert len(found) == len(set(found)) == 6  # three ranges, two orders of colours
    image = Input("x", lambda given: given == (1, 3, 8, 6), "1×3×8×6", (0.0, 255.0), "BGR")
    assert [str(way) for way in readings(image, shape, (0.0, 1.0))] == ["N×C×H×W in 0..255, BGR"]
    other = Input("x", lambda given: given == (1, 3, 9, 6), "1×3×9×6")
    assert readings(other, shape, (0.0, 1.0)) == []
    row = Input("x", lambda given: given == (1, 5), "1×5")
    assert [way.layout for way in readings(row, (1, 5), (0.0, 1.0))] == ["as in the file"]
