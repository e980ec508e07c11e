"""The locked set: cases rendered here match `golden.lock.json`, and changes are detected."""

import base64
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import ArtifactError
from blazepalm.golden import lock as module
from blazepalm.golden.cases import CASES, GOLDEN_VERSION
from blazepalm.golden.lock import Comparison, check_lock, is_rounding, lock_text, means, read_lock
from blazepalm.golden.make import make_golden
from blazepalm.golden.manifest import GoldenCase, GoldenSet, file_sha256

EFFECTS = ["occluded-by-bar", "sensor-noise", "jpeg-30"]  # and a hand of each
NAMES = ["odd-frame", "tiny", "file-palette", "file-truncated", "hard-skin-ball", "hard-noise"]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return make_golden(tmp_path_factory.mktemp("golden") / "set", names=NAMES, jobs=1)


def test_the_lock_names_every_case() -> None:
    locked = read_lock()
    assert locked["version"] == GOLDEN_VERSION
    assert set(locked["cases"]) == {plan.name for plan in CASES}
    for case in locked["cases"].values():
        assert set(case) == {"pixels", "truth", "means"}
        assert re.fullmatch("[0-9a-f]{64}", case["pixels"])


@pytest.mark.processor
def test_cases_rendered_here_are_the_locked_ones(golden: GoldenSet) -> None:
    """Byte for byte. All of them: `blazepalm golden make -o DIR --check`."""
    found = check_lock(golden, NAMES)
    assert (found.differs, found.rounded) == ((), ())
    assert found.compared == len(NAMES)


@pytest.mark.processor
@pytest.mark.parametrize("name", EFFECTS)
def test_effects_are_the_locked_ones(name: str, tmp_path: Path) -> None:
    found = check_lock(make_golden(tmp_path / "set", names=[name], jobs=1), [name])
    assert found == Comparison((), (), 1)


def test_missing_and_unknown_cases_are_told(golden: GoldenSet) -> None:
    whole = check_lock(golden)
    assert len(whole.differs) == len(CASES) - len(NAMES)
    assert "open-right: is missing" in whole.differs
    other = dataclasses.replace(golden.cases[0], name="new-one")
    found = check_lock(dataclasses.replace(golden, cases=(other,)), ["new-one"])
    assert found.differs == ("new-one: is not in the lock", "nothing was compared")


def test_another_version_is_told(golden: GoldenSet) -> None:
    found = check_lock(dataclasses.replace(golden, version=7), NAMES)
    assert found.differs == (f"the set is version 7, the lock is version {GOLDEN_VERSION}",)


def test_another_truth_is_told(golden: GoldenSet) -> None:
    """Moves one joint by a thousandth of a pixel."""
    (case,) = (case for case in golden.cases if case.name == "tiny")
    (hand,) = case.hands
    x, y = hand.joints_2d[3]
    joints = (*hand.joints_2d[:3], (x + 0.001, y), *hand.joints_2d[4:])
    moved = dataclasses.replace(case, hands=(dataclasses.replace(hand, joints_2d=joints),))
    found = check_lock(dataclasses.replace(golden, cases=(moved,)), ["tiny"])
    assert found.differs == ("tiny: its truth changed",)


def repainted(golden: GoldenSet, folder: Path, name: str, image: np.ndarray) -> GoldenSet:
    """The set with another picture for one case."""
    (case,) = (case for case in golden.cases if case.name == name)
    Image.fromarray(image.astype(np.uint8)).save(folder / case.file)
    changed = dataclasses.replace(case, sha256=str(file_sha256(folder / case.file)))
    return GoldenSet(golden.version, folder, (changed,))


def picture(golden: GoldenSet, name: str) -> np.ndarray:
    (case,) = (case for case in golden.cases if case.name == name)
    return golden.image(case).astype(int)


def test_rounding_is_not_a_change(golden: GoldenSet, tmp_path: Path) -> None:
    """Two levels in one pixel of a thousand, as another processor's last digits may cause."""
    image = picture(golden, "odd-frame")
    image.reshape(-1, 3)[::1000] += 2
    found = check_lock(repainted(golden, tmp_path, "odd-frame", image.clip(0, 255)), ["odd-frame"])
    assert (found.differs, found.rounded, found.compared) == ((), ("odd-frame",), 1)


@pytest.mark.parametrize("change", ["moved", "lighter", "spot", "mirrored", "exchanged", "cut"])
def test_a_change_is_not_rounding(golden: GoldenSet, tmp_path: Path, change: str) -> None:
    image = picture(golden, "odd-frame")
    if change == "moved":
        image = np.roll(image, 1, axis=1)
    elif change == "lighter":
        image[..., 1] = np.minimum(image[..., 1] + 1, 255)
    elif change == "spot":
        image[100:110, 200:210] = 0
    elif change == "mirrored":
        image = image[:, ::-1]
    elif change == "exchanged":
        image = image[..., ::-1]
    else:
        image = image[:-1]
    found = check_lock(repainted(golden, tmp_path, "odd-frame", image), ["odd-frame"])
    assert found.differs == ("odd-frame: its picture changed",)


def test_means_on_paper() -> None:
    image = np.zeros((12, 16, 3), np.uint8)  # 6 × 8 places of 2 × 2 pixels
    image[0, 0] = (1, 2, 4)
    image[11, 15] = (255, 0, 0)
    values = np.frombuffer(base64.b64decode(means(image)), ">u2").reshape(6, 8, 3)
    assert values[0, 0].tolist() == [25, 50, 100]  # a quarter of it, in hundredths
    assert values[5, 7].tolist() == [6375, 0, 0]
    assert values.sum() == 25 + 50 + 100 + 6375
    assert means(np.full((1, 1, 3), 7, np.uint8)) == means(np.full((1, 1, 3), 7, np.uint8))


def test_nothing_is_never_equal() -> None:
    assert not is_rounding("", "")
    assert not is_rounding(means(np.zeros((9, 9, 3), np.uint8)), "")


def test_a_changed_set_is_not_locked_under_its_old_version(
    golden: GoldenSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArtifactError, match="raise GOLDEN_VERSION"):
        lock_text(golden)  # cases are missing
    later = dataclasses.replace(golden, version=GOLDEN_VERSION + 1)
    written = json.loads(lock_text(later))
    assert written["version"] == GOLDEN_VERSION + 1 and set(written["cases"]) == set(NAMES)
    monkeypatch.setattr(module, "LOCK", tmp_path / "new.json")
    own = GoldenCase("own-x", "own", "x.png", "0" * 64, False, 0, 0, 0)
    with_own = dataclasses.replace(golden, cases=(*golden.cases, own))
    first = lock_text(with_own)
    assert set(json.loads(first)["cases"]) == set(NAMES)
    (tmp_path / "new.json").write_text(first)
    assert lock_text(golden) == first
    (tmp_path / "new.json").unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        check_lock(golden, NAMES)
