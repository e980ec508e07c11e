"""A label stands above its points, below them where there is no room, and inside the picture."""

import numpy as np
import pytest

from blazepalm.reports.hands.labels import INK, put_label


def changed(points: list[list[float]], size: tuple[int, int] = (200, 300)) -> np.ndarray:
    """Where a label has changed a grey picture: (H, W) bool."""
    canvas = np.full((*size, 3), 120, np.uint8)
    put_label(canvas, "right 0.97", np.array(points, float), clearance=4.0)
    return (canvas != 120).any(axis=2)


def test_above_or_below() -> None:
    for top, bottom, above in ((100, 150, True), (5, 60, False)):
        rows = np.flatnonzero(changed([[50, top], [120, bottom]]).any(axis=1))
        assert rows.size > 8
        assert (rows < top - 4).all() if above else (rows > bottom + 4).all()


@pytest.mark.parametrize("x", [-400.0, 290.0, 900.0])
def test_it_stays_in_the_picture(x: float) -> None:
    columns = np.flatnonzero(changed([[x, 100], [x + 20, 120]]).any(axis=0))
    assert columns[-1] - columns[0] > 30


def test_words_are_light_on_ink() -> None:
    canvas = np.full((200, 300, 3), 120, np.uint8)
    put_label(canvas, "left", np.array([[50.0, 100.0]]))
    assert (canvas > 200).all(axis=2).sum() > 10
    assert (np.abs(canvas.astype(int) - INK).max(axis=2) < 25).sum() > 50


def test_no_room_no_label() -> None:
    assert not changed([[1, 1]], (8, 8)).any()
