"""A foreign runtime may crash, hang, eat memory or print: it does so in its own process."""

import sys

import numpy as np
import pytest

from blazepalm.child import Child, ChildLimits
from blazepalm.errors import CouldNotVerify, InvalidModel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")


def child(function: str, limits: ChildLimits | None = None, **arguments: object) -> Child:
    return Child(
        "Runtime on palm", f"support.foreign:{function}", arguments, limits or ChildLimits()
    )


def test_arrays_come_back_with_their_types_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    given = {
        "half": np.arange(6, dtype=np.float16).reshape(2, 3),
        "count": np.array(7, np.int32),
        "none": np.zeros((0, 4), np.float32),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    with child("scaling", by=2) as scaling:
        found = scaling(given)
        again = scaling({"x": np.ones(3)})
    assert list(found) == ["half!", "count!", "none!", "turned!"]
    for name, value in given.items():
        result = found[f"{name}!"]
        assert result.dtype == value.dtype and result.shape == value.shape
        np.testing.assert_array_equal(result, value + value)
    np.testing.assert_array_equal(again["x!"], [2, 2, 2])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("signal", ["SIGABRT", "SIGSEGV"])
def test_a_dead_child_says_what_died_on_what_and_its_last_words(signal: str) -> None:
    with child("dying", with_signal=signal) as dying:
        for _ in range(2):  # it stays dead
            with pytest.raises(CouldNotVerify) as raised:
                dying({"x": np.ones(1)})
            assert str(raised.value) == (
                f"Runtime on palm: its process was killed by {signal}; "
                "its log ends: last words of the runtime"
            )


def test_a_child_that_leaves_while_it_opens() -> None:
    with pytest.raises(CouldNotVerify, match="Runtime on palm: its process ended with exit code 3"):
        child("leaving", code=3)


def test_a_child_that_never_answers_is_ended() -> None:
    with (
        child("sleeping", ChildLimits(call=0.2)) as sleeping,
        pytest.raises(CouldNotVerify, match=r"on palm: did not answer .* 0\.2 s a call"),
    ):
        sleeping({})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_child_that_wants_too_much_memory_is_refused_it() -> None:
    with (
        child("hungry", ChildLimits(memory=1)) as hungry,
        pytest.raises(CouldNotVerify, match="Runtime on palm: needs more than 1 GiB of memory"),
    ):
        hungry({})


def test_our_errors_come_back_as_they_were_raised() -> None:
    with pytest.raises(InvalidModel, match="^palm.mlpackage: it is broken$"):
        child("refusing")


def test_a_runtime_s_own_error_names_runtime_and_model() -> None:
    with child("failing") as failing:
        with pytest.raises(CouldNotVerify) as raised:
            failing({})
        assert str(raised.value) == "Runtime on palm: no kernel for this (RuntimeError)"


def test_an_array_of_objects_is_not_sent() -> None:
    with child("scaling", by=1) as scaling, pytest.raises(CouldNotVerify, match="array of object"):
        scaling({"x": np.array([None])})


def test_a_closed_child_is_not_asked() -> None:
    scaling = child("scaling", by=1)
    scaling.close()
    with pytest.raises(CouldNotVerify, match="its process was ended"):
        scaling({"x": np.ones(1)})
