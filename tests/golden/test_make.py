"""Golden folders: written whole, kept, completed, repaired; other people's files are never
replaced. The cases used are the quick ones; `tiny` is the one with a rendered hand.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import ArtifactError, InvalidImage
from blazepalm.golden import make as module
from blazepalm.golden.cases import CASES, draw_case
from blazepalm.golden.files import LARGE_SCALE
from blazepalm.golden.make import make_golden, render_plan
from blazepalm.golden.manifest import MANIFEST, GoldenSet, load_golden
from blazepalm.media.images import read_image

QUICK = ("hard-black", "hard-white", "file-not-an-image")
PLANS = {plan.name: plan for plan in CASES}


def made(folder: Path, *names: str, **options: object) -> tuple[GoldenSet, list[str]]:
    """The set, and the names of what was rendered for it."""
    rendered: list[str] = []
    found = make_golden(
        folder,
        names=names or QUICK,
        jobs=1,
        on_case=lambda name, done, total: rendered.append(f"{name} {done}/{total}"),
        **options,  # type: ignore[arg-type]
    )
    return found, rendered


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made(tmp_path / "set")
    return tmp_path / "set"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "My photo (1).png"
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(path)
    return path


def test_a_hand_with_its_truth(tmp_path: Path) -> None:
    found, rendered = made(tmp_path / "a" / "set", "tiny")
    assert rendered == ["tiny 1/1"]
    (case,) = found.cases
    image, (hand,) = draw_case(PLANS["tiny"])
    np.testing.assert_array_equal(found.image(case), image)
    assert (case.kind, case.width, case.height, case.readable) == ("hand", 640, 480, True)
    (truth,) = case.hands
    assert np.abs(np.array(truth.joints_2d) - hand.joints_2d).max() <= 0.0005001
    assert np.abs(np.array(truth.joints_3d) - hand.joints_3d).max() <= 0.0000005001
    assert np.abs(np.array(truth.box) - hand.box).max() <= 0.0005001
    assert truth.handedness == hand.handedness == "right"
    assert case.parameters["scene"]["poses"] == ["open"]
    assert load_golden(tmp_path / "a" / "set") == found
    assert not list((tmp_path / "a").glob(".*"))


def test_two_runs_give_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    made(tmp_path / "other")
    assert content(folder) == content(tmp_path / "other")


def test_what_is_there_is_left_alone(folder: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    found, rendered = made(folder)
    assert rendered == []
    assert found == load_golden(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_other_cases_join_those_there_in_the_order_of_the_table(folder: Path) -> None:
    found, rendered = made(folder, "hard-noise")
    assert rendered == ["hard-noise 1/1"]
    assert [case.name for case in found.cases] == [
        "hard-black",
        "hard-white",
        "hard-noise",
        "file-not-an-image",
    ]


def test_a_damaged_picture_is_made_again(folder: Path) -> None:
    before = content(folder)
    (folder / "hard-black.png").write_bytes(b"damaged")
    (folder / "hard-white.png").unlink()
    assert made(folder)[1] == ["hard-black 1/2", "hard-white 2/2"]
    assert content(folder) == before


def test_force_renders_again(folder: Path) -> None:
    before = content(folder)
    assert len(made(folder, force=True)[1]) == len(QUICK)
    assert content(folder) == before


def test_another_version_is_rendered_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GOLDEN_VERSION", 99)
    found, rendered = made(folder, "hard-black")
    assert rendered == ["hard-black 1/1"]
    assert (found.version, [case.name for case in found.cases]) == (99, ["hard-black"])


def test_the_contact_sheet_goes_when_the_set_changes(folder: Path) -> None:
    (folder / "sheet.png").write_bytes(b"drawn before")
    made(folder)
    assert (folder / "sheet.png").exists()
    made(folder, "hard-noise")
    assert not (folder / "sheet.png").exists()


def test_files_of_others_stay(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    before = content(folder)
    for options in ({}, {"force": True}):
        with pytest.raises(ArtifactError, match=r"holds 'notes\.txt'"):
            made(folder, "hard-noise", **options)
    assert content(folder) == before
    other = tmp_path / "photos"
    other.mkdir()
    (other / "photo.png").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"holds 'photo\.png'"):
        made(other, force=True)
    assert content(other) == {"photo.png": b"x"}


def test_a_damaged_manifest_is_not_replaced(folder: Path) -> None:
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(ArtifactError, match="is not the manifest"):
        made(folder)
    assert (folder / "hard-black.png").exists()


def test_a_file_or_link_in_the_way(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(folder)
    for name in ("file", "link"):
        with pytest.raises(ArtifactError, match="is not a folder"):
            made(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failure_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(folder)

    def failing(plan: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "render_plan", failing)
    with pytest.raises(ArtifactError, match="No space left"):
        made(folder, force=True)
    assert content(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_unknown_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="unknown golden case 'opne'; choose open-right, "):
        made(tmp_path / "set", "opne")
    assert not (tmp_path / "set").exists()


def test_own_pictures_are_kept(folder: Path, photo: Path) -> None:
    found, rendered = made(folder, images=[photo])
    assert rendered == []
    own = found.cases[-1]
    assert (own.name, own.kind, own.hands) == ("own-My-photo-1", "own", ())
    assert own.parameters == {"source": "My photo (1).png", "frame": 0}
    np.testing.assert_array_equal(found.image(own), read_image(photo))
    again, _ = made(folder, images=[photo])  # not twice
    assert again == found
    for options in ({"force": True}, {}):  # nor lost
        assert made(folder, **options)[0].cases == found.cases


def test_what_was_recorded_is_kept(folder: Path, photo: Path) -> None:
    (folder / "recorded.json").write_bytes(b"what is in it does not matter here")
    for options in ({"images": [photo]}, {"force": True}, {}):
        made(folder, "hard-noise", **options)
        assert content(folder)["recorded.json"] == b"what is in it does not matter here"


def test_a_recording_that_is_a_link_or_a_folder_stays(folder: Path, photo: Path) -> None:
    (folder / "recorded.json").symlink_to(photo)
    with pytest.raises(ArtifactError, match=r"holds 'recorded\.json'"):
        made(folder, force=True)
    (folder / "recorded.json").unlink()
    (folder / "recorded.json").mkdir()
    (folder / "recorded.json" / "mine").write_text("mine")
    with pytest.raises(ArtifactError, match=r"holds 'recorded\.json'"):
        made(folder, force=True)
    assert (folder / "recorded.json" / "mine").read_text() == "mine"


def test_own_pictures_outlive_a_version(
    folder: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(folder, images=[photo])
    monkeypatch.setattr(module, "GOLDEN_VERSION", 99)
    found, _ = made(folder, "hard-black")
    assert [case.name for case in found.cases] == ["hard-black", "own-My-photo-1"]


def test_a_changed_own_picture_is_not_thrown_away(folder: Path, photo: Path) -> None:
    made(folder, images=[photo])
    (folder / "own-My-photo-1.png").write_bytes(b"changed")
    with pytest.raises(ArtifactError, match="your picture is changed or missing"):
        made(folder, force=True)
    assert (folder / "own-My-photo-1.png").read_bytes() == b"changed"


def test_a_bad_own_picture_changes_nothing(folder: Path, photo: Path) -> None:
    before = content(folder)
    bad = photo.with_name("bad.png")
    bad.write_bytes(b"no")
    for images in ([bad], [photo, bad], [photo.with_name("none.png")]):
        with pytest.raises(InvalidImage, match=r"(bad|none)\.png: "):
            made(folder, images=images)
    assert content(folder) == before


def test_the_truth_of_the_large_file_is_that_of_the_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the 48 megapixels: joints are scaled and moved as `large_corner` says."""
    monkeypatch.setattr(module, "make_file", lambda name, pixels: (".jpg", b""))
    suffix, _, (large,) = render_plan(PLANS["file-8000x6000"])
    image, (hand,) = module.draw_scene(module.FILE_SCENE, PLANS["file-8000x6000"].seed)
    left = (8000 - LARGE_SCALE * image.shape[1]) // 2
    top = (6000 - LARGE_SCALE * image.shape[0]) // 2
    expected = hand.joints_2d * LARGE_SCALE + (left, top)
    assert suffix == ".jpg"
    assert np.abs(np.array(large.joints_2d) - expected).max() <= 0.0005001
    assert large.box[0] == pytest.approx(hand.box[0] * LARGE_SCALE + left, abs=0.001)
    assert large.box[3] == pytest.approx(hand.box[3] * LARGE_SCALE + top, abs=0.001)


def test_processes_change_nothing(tmp_path: Path, folder: Path) -> None:
    names = (*QUICK, "hard-stripes")
    one = make_golden(folder, names=names, jobs=1)
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    two = make_golden(tmp_path / "other", names=names, jobs=2)
    assert one.to_bytes() == two.to_bytes()
    assert content(folder) == content(tmp_path / "other")


def test_a_picture_is_rendered_once_for_all_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(module, "render_plan", lambda p: [calls.append(p.name), render_plan(p)][1])
    kept: list[str] = []
    first, _ = made(tmp_path / "a", cache=True, on_kept=kept.append)
    again, _ = made(tmp_path / "b", cache=True, on_kept=kept.append)
    assert sorted(calls) == sorted(kept) == sorted(QUICK)
    assert content(tmp_path / "a") == content(tmp_path / "b") and first.sha256 == again.sha256
    made(tmp_path / "c")
    made(tmp_path / "b", cache=True, force=True)
    assert len(calls) == 3 * len(QUICK) and content(tmp_path / "c") == content(tmp_path / "a")
    monkeypatch.setattr(module, "code_sha256", lambda *parts: "another renderer")
    made(tmp_path / "d", cache=True)
    assert len(calls) == 4 * len(QUICK) and len(kept) == len(QUICK)


def test_a_damaged_kept_picture_is_rendered_again(tmp_path: Path) -> None:
    made(tmp_path / "a", cache=True)
    pictures = module.open_pictures()
    for name in QUICK:
        pictures.put(module.picture_key(PLANS[name]), b"\x93 not what was packed")
    kept: list[str] = []
    made(tmp_path / "b", cache=True, on_kept=kept.append)
    assert not kept and content(tmp_path / "a") == content(tmp_path / "b")
