"""Summaries of values, against numbers worked out by hand."""

import numpy as np
import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.run.describe import describe, differences


def test_a_small_value_is_told_in_full() -> None:
    row = describe("x", np.array([[1, 2], [3, 6]], np.float16))
    assert row == {
        "name": "x",
        "dtype": "float16",
        "shape": [2, 2],
        "min": 1.0,
        "max": 6.0,
        "mean": 3.0,
        "not_finite": 0,
        "values": [[1.0, 2.0], [3.0, 6.0]],
    }
    assert describe("x", np.arange(17))["values"] is None
    assert describe("x", np.arange(16))["values"] == list(range(16))


def test_what_is_no_number_is_counted() -> None:
    row = describe("x", np.array([np.nan, 2, -np.inf, 4], np.float32))
    assert (row["min"], row["max"], row["mean"]) == (2.0, 4.0, 3.0)
    assert (row["not_finite"], row["values"]) == (2, None)
    row = describe("x", np.full(3, np.nan))
    assert (row["min"], row["not_finite"]) == (None, 3)
    assert describe("x", np.zeros((0, 4)))["min"] is None


def test_float16_is_not_summed_in_float16() -> None:
    assert describe("x", np.full(100_000, 1000, np.float16))["mean"] == 1000.0


def test_text_has_no_range() -> None:
    row = describe("label", np.array("a hand", object))
    assert (row["dtype"], row["values"], row["min"]) == ("text", "a hand", None)


def test_the_largest_difference_of_each() -> None:
    nan, inf = np.nan, np.inf
    ours = {"a": np.array([1.0, 5.0]), "b": np.array([nan, inf]), "c": np.array([nan, 1.0])}
    theirs = {"a": np.array([1.5, 2.0]), "b": np.array([nan, inf]), "c": np.array([1.0, 1.0])}
    assert differences(ours, theirs) == [
        {"name": "a", "largest": 3.0},
        {"name": "b", "largest": 0.0},  # both say so
        {"name": "c", "largest": None},  # no number is that far
    ]


def test_comparing_nothing_is_no_success() -> None:
    with pytest.raises(CouldNotVerify, match="returned no output to compare"):
        differences({"a": np.zeros(1)}, {})
    with pytest.raises(CouldNotVerify, match=r"'a' has shape \[2\] here, \[1, 2\] in Core ML"):
        differences({"a": np.zeros(2)}, {"a": np.zeros((1, 2))})
