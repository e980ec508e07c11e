"""The contact sheet: every case has a cell, joints lie on hands, bad files are labelled."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from blazepalm.errors import ArtifactError
from blazepalm.golden.make import make_golden
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.reports.hands.contact_sheet import (
    CAPTION,
    CELL,
    COLUMNS,
    GAP,
    HEADING,
    MARGIN,
    contact_sheet,
)

NAMES = ("tiny", "hard-white", "file-16-bit", "file-1x1", "file-truncated")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return make_golden(tmp_path_factory.mktemp("golden") / "set", names=NAMES, jobs=1)


def place(sheet: np.ndarray, line: int, column: int, headings: int) -> np.ndarray:
    top = MARGIN + HEADING * (1 + headings) + line * (CELL[1] + CAPTION + GAP)
    left = MARGIN + column * (CELL[0] + GAP)
    return sheet[top : top + CELL[1], left : left + CELL[0]].astype(int)


def test_every_case_has_its_place(golden: GoldenSet) -> None:
    sheet = contact_sheet(golden)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (
        2 * MARGIN + 4 * HEADING + 3 * (CELL[1] + CAPTION + GAP),
        2 * MARGIN + COLUMNS * CELL[0] + (COLUMNS - 1) * GAP,
        3,
    )
    np.testing.assert_array_equal(sheet, contact_sheet(golden))
    assert (place(sheet, 1, 0, 2) == 255).all()  # white
    grey = place(sheet, 2, 0, 3)[10:40, 10:40]
    assert np.abs(grey - grey[..., :1]).max() == 0
    pixel = place(sheet, 2, 1, 3)
    assert (pixel[70:90, 90:110] == pixel[75, 100]).all()
    missing = place(sheet, 2, 2, 3)
    red = (missing[..., 0] > 140) & (missing[..., 1] < 100)
    assert red[0].all() and red[:, 0].all() and red[60:100].sum() > 40  # a frame and words


def test_joints_are_drawn_where_the_truth_says(golden: GoldenSet) -> None:
    bare = tuple(dataclasses.replace(case, hands=()) for case in golden.cases)
    with_joints = place(contact_sheet(golden), 0, 0, 1)
    without = place(contact_sheet(dataclasses.replace(golden, cases=bare)), 0, 0, 1)
    changed = np.abs(with_joints - without).max(axis=2) > 12
    (hand,) = golden.cases[0].hands
    joints = np.array(hand.joints_2d) * CELL[0] / 640
    for x, y in joints:
        assert changed[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].any()
    rows, columns = np.nonzero(changed)
    assert columns.min() > joints[:, 0].min() - 6 and columns.max() < joints[:, 0].max() + 6
    assert rows.min() > joints[:, 1].min() - 6 and rows.max() < joints[:, 1].max() + 6


def test_long_names_do_not_run_into_their_neighbours(golden: GoldenSet) -> None:
    one = golden.cases[1]
    cases = tuple(dataclasses.replace(one, name=("n" * 80) + str(i)) for i in range(2))
    sheet = contact_sheet(dataclasses.replace(golden, cases=cases)).astype(int)
    left = MARGIN + CELL[0]
    top = MARGIN + 2 * HEADING + CELL[1]
    gap = sheet[top + 2 : top + 18, left + 1 : left + GAP - 1]
    assert (gap == sheet[0, 0]).all()


def test_an_empty_set_is_an_empty_sheet(golden: GoldenSet) -> None:
    sheet = contact_sheet(dataclasses.replace(golden, cases=()))
    assert sheet.shape[0] == 2 * MARGIN + HEADING


def test_a_file_that_is_not_the_manifests(golden: GoldenSet, tmp_path: Path) -> None:
    case = GoldenCase("x", "hard", "x.png", "0" * 64, True, 3, 2, 0)
    with pytest.raises(ArtifactError, match=r"x\.png: differs from the manifest"):
        contact_sheet(GoldenSet(1, tmp_path, (case,)))
