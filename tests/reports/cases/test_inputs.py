"""Parity's inputs: noise that is reproducible, and names that give distinct files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.file_names import file_name
from blazepalm.reports.cases.inputs import (
    Case,
    distinct_cases,
    golden_cases,
    noise,
    noise_cases,
    own_cases,
    skipped_files,
    sparing,
)
from support.small_golden import small_golden

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_noise_is_a_draw_of_pcg64() -> None:
    expected = np.random.Generator(np.random.PCG64([7, 2])).random((1, 4, 5, 3), dtype=np.float32)
    np.testing.assert_array_equal(noise((1, 4, 5, 3), (0.0, 1.0), 7, 2), expected)
    assert [(c.name, c.seed, c.draw) for c in noise_cases(2, 7)] == [
        ("noise-0000", 7, 0),
        ("noise-0001", 7, 1),
    ]


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (-0.5, 2.0)])
def test_noise_fills_the_range_and_keeps_it(value_range: tuple[float, float]) -> None:
    low, high = value_range
    drawn = noise((1, 64, 64, 3), value_range, 0, 0)
    assert drawn.dtype == np.float32 and low <= drawn.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < drawn.max() <= high


def test_a_case_is_known_by_its_pixels_and_their_shape() -> None:
    a, b = Case("a", "own", PIXELS), Case("b", "hand", PIXELS.copy())
    assert a.sha256 == b.sha256 != Case("a", "own", PIXELS.reshape(4, 2, 3)).sha256
    assert Case("n", "noise", None, seed=1, draw=2).sha256 != Case("n", "noise", None).sha256


def test_no_two_cases_share_a_file() -> None:
    names = ["a b", "a_b", "A_B", "a_b", "other", "a_b~2"]
    found = [case.name for case in distinct_cases(Case(name, "own", PIXELS) for name in names)]
    assert found[0] == "a b" and found[4] == "other"
    assert len({file_name(name).casefold() for name in found}) == len(names)


def test_the_golden_set_comes_with_its_truth(tmp_path: Path) -> None:
    cases = list(golden_cases(small_golden(tmp_path)))
    assert [case.kind for case in cases] == ["hand", "hand", "hard"]
    assert [len(case.truth or ()) for case in cases] == [2, 1, 0]
    assert cases[2].truth == (), "it is known that there is none"
    hand = (cases[1].truth or ())[0]
    assert len(hand.landmarks) == 21 and hand.handedness == "left"


def test_the_verdict_does_not_count_the_truth_of_hands_that_strain_it(tmp_path: Path) -> None:
    golden = small_golden(tmp_path)
    strained = replace(golden.cases[1], kind="stress")
    (case,) = golden_cases(replace(golden, cases=(strained,)))
    assert strained.hands and case.kind == "stress" and case.truth is None


def test_own_pictures(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        Image.fromarray(PIXELS).save(tmp_path / folder / "same.png")
    (tmp_path / "two" / "bad.png").write_bytes(b"no picture")
    cases = list(distinct_cases(own_cases([tmp_path / "one", tmp_path / "two" / "same.png"])))
    assert [case.name for case in cases] == ["same", "same~2"]
    assert all(case.truth is None and case.kind == "own" for case in cases)
    with pytest.raises(InvalidImage, match=r"bad\.png"):
        list(own_cases([tmp_path / "two" / "bad.png"]))


def test_what_a_folder_holds_besides_pictures_is_told(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "model.onnx").write_bytes(b"no picture")
    ((path, said),) = skipped_files([tmp_path])
    assert path == f"{tmp_path}/model.onnx" and said.startswith(f"{path}: skipped: ")
    assert skipped_files([]) == skipped_files([tmp_path / "a.png"]) == []


def test_pictures_may_do_without_a_backend_and_noise_never_does() -> None:
    cases = [*(Case(str(i), "own", PIXELS) for i in range(5)), *noise_cases(2, 0)]
    spared = [bool(case.spared) for case in sparing(cases, ["slow"], 2)]
    assert spared == [False, True, False, True, False, False, False]
    assert not any(case.spared for case in sparing(cases, ["slow"], 1))


def test_a_rare_backend_sees_every_fourth_picture_and_noise() -> None:
    cases = [*(Case(str(i), "own", PIXELS) for i in range(6)), *noise_cases(2, 0)]
    spared = [case.spared for case in sparing(cases, ["slow", "rare"], 2, ["rare"], 2)]
    both, rare, none = frozenset({"slow", "rare"}), frozenset({"rare"}), frozenset[str]()
    assert spared == [none, both, rare, both, none, both, none, none]
    assert not any(c.spared for c in sparing(cases, ["slow", "rare"], 1, ["rare"], 1))
