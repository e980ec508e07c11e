"""`blazepalm detect` on pictures: what it finds, prints and writes; and every kind of bad input."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Outcome
from PIL import Image

from blazepalm.cli.detecting import expected_from
from blazepalm.media.frames import Source
from blazepalm.models import crop
from blazepalm.models.crop import Warp
from blazepalm.reports.forms.compiled import warp
from support.hand_scenes import facts, rendered
from support.kernels import need_compiler
from support.models import shared_model
from support.synthetic import with_unused_buffer

Command = Callable[..., Outcome]
QUICK = ("--backend", "tflite")
LITE = ("--model", "palm-lite", "--landmarks", "hand-lite")  # other than the defaults
KEYS = {
    "score",
    "box",
    "keypoints",
    "handedness",
    "handedness_score",
    "presence",
    "landmarks",
    "world_landmarks",
    "tracked",
    "gesture",
    "gesture_score",
}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "two.png"
    Image.fromarray(rendered("two").image).save(path)
    return path


@pytest.mark.parametrize("backend", ["tflite", "torch"])
def test_the_same_however_many_pictures_at_a_time(
    blazepalm: Command, photo: Path, tmp_path: Path, backend: str
) -> None:
    """The same hands to the last digit, failures, drawings and order."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    with Image.open(photo) as opened:
        for number, turned in enumerate((0, 180, 90, 0)):
            opened.rotate(turned, expand=True).save(pictures / f"{number}.png")
    (pictures / "1.jpg").write_bytes(b"\xff\xd8\xff no picture")

    def outcome(jobs: int) -> tuple[Any, Any, dict[str, bytes]]:
        out = tmp_path / f"{backend}-{jobs}"
        options = (*LITE, "--backend", backend, "--draw", out, "--json", "--jobs", str(jobs))
        done = blazepalm("detect", pictures, *options)
        assert done.code == 2, done.err
        drawings = {path.name: path.read_bytes() for path in out.iterdir()}
        return done.json["frames"], done.json["failures"], drawings

    one = outcome(1)
    frames, failures, drawings = one
    assert len(frames[0]["hands"]) == 2 and len(failures) == 1 and len(drawings) == 4
    assert outcome(3) == one


def test_a_picture_by_itself_is_the_same_on_two_threads(blazepalm: Command, photo: Path) -> None:
    one, two = (
        blazepalm("detect", photo, *LITE, "--backend", "tflite", "--json", "--jobs", str(jobs))
        for jobs in (1, 2)
    )
    assert len(one.json["frames"][0]["hands"]) == 2
    assert two.json["frames"] == one.json["frames"]


def test_many_pictures_are_cropped_by_the_compiled_kernel(
    blazepalm: Command, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same hands to the last digit; for one picture nothing is compiled."""
    need_compiler()
    used: list[int] = []

    def counted() -> Warp:
        compiled = warp.compiled_warp()

        def one(image: Any, source: Any, size: tuple[int, int]) -> Any:
            used.append(size[0])
            return compiled(image, source, size)

        return one

    monkeypatch.setattr(warp, "quickest_warp", counted)
    command = ("detect", photo, *LITE, "--backend", "tflite", "--json")
    plain = blazepalm(*command)
    assert not used
    monkeypatch.setattr("blazepalm.cli.detect.MANY", 1)
    assert blazepalm(*command).json["frames"] == plain.json["frames"]
    assert used == [224, 224]


def test_the_quickest_form_finds_the_same(
    blazepalm: Command, photo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blazepalm.reports.forms import fast, measure

    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fast, "FORMS", ("channels-last",))
    monkeypatch.setattr(measure, "ROUNDS", 1)
    cropped: list[int] = []
    monkeypatch.setattr(warp, "quickest_warp", lambda: cropped.append(1) or crop.warp)
    done = blazepalm("detect", photo, *LITE, "--backend", "fast", "--json")
    plain = blazepalm("detect", photo, *LITE, "--backend", "torch", "--json")
    assert done.code == 0 and done.json["models"]["backend"].startswith("fast:")
    assert "computed by fast:" in done.err and cropped == [1]
    for mine, theirs in zip(done.json["frames"], plain.json["frames"], strict=True):
        assert len(mine["hands"]) == len(theirs["hands"]) == 2
        for a, b in zip(mine["hands"], theirs["hands"], strict=True):
            np.testing.assert_allclose(a["landmarks"], b["landmarks"], atol=1e-4)


def test_json(blazepalm: Command, photo: Path) -> None:
    done = blazepalm("detect", photo, "--json")
    assert done.code == 0, done.err
    assert done.json["models"] == {
        "detector": "palm-full-2023-09",
        "landmarks": "hand-full-2022",
        "backend": "torch",
        "rule": "solutions",
    }
    assert done.json["failures"] == [] and done.json["interrupted"] is False
    (found,) = done.json["frames"]
    height, width = rendered("two").image.shape[:2]
    assert (found["source"], found["width"], found["height"]) == (str(photo), width, height)
    assert (found["index"], found["seconds"]) == (0, None)
    assert len(found["hands"]) == 2
    sides = {}
    for hand in found["hands"]:
        assert set(hand) == KEYS
        assert np.shape(hand["box"]) == (4,)
        assert np.shape(hand["keypoints"]) == (7, 2)
        assert np.shape(hand["landmarks"]) == np.shape(hand["world_landmarks"]) == (21, 3)
        assert 0.5 <= hand["handedness_score"] <= 1.0
        assert hand["tracked"] is False
        sides[hand["handedness"]] = np.array(hand["landmarks"]) * [width, height, 1]
    # the renderer's truth, and MediaPipe's recorded points
    for truth in rendered("two").hands:
        away = np.linalg.norm(sides[truth.handedness][:, :2] - truth.joints_2d, axis=1)
        assert away.mean() < 5
    for expected in facts()["two"]["hands"]:
        side = {"Left": "right", "Right": "left"}[expected["label"]]  # it thinks of a mirror
        away = np.abs(sides[side] - expected["landmarks"])
        assert away[:, :2].mean() < 1.0


def test_table_and_drawing(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "new" / "drawn.png"
    done = blazepalm("detect", photo, "--draw", drawn)
    assert done.code == 0, done.err
    assert "2 hands" in done.out
    assert "left" in done.out and "right" in done.out
    assert "drawn.png" in done.out.replace("\n", "")
    before, after = rendered("two").image, np.asarray(Image.open(drawn))
    assert after.shape == before.shape
    assert 0.02 < (before != after).any(axis=2).mean() < 0.5
    for truth in rendered("two").hands:  # every wrist is marked
        x, y = truth.joints_2d[0].astype(int)
        patch = (slice(y - 8, y + 9), slice(x - 8, x + 9))
        assert (before[patch] != after[patch]).any(axis=2).mean() > 0.2
    assert list(drawn.parent.iterdir()) == [drawn]


def test_no_hand_is_no_failure(blazepalm: Command, tmp_path: Path) -> None:
    path = tmp_path / "none.jpg"
    Image.fromarray(rendered("none").image).save(path)
    done = blazepalm("detect", path, *QUICK, "--draw", tmp_path / "drawn.jpg")
    assert done.code == 0
    assert "no hand found" in done.out
    assert (tmp_path / "drawn.jpg").exists()
    assert blazepalm("detect", path, *QUICK, "--json").json["frames"][0]["hands"] == []


def test_palms_alone(blazepalm: Command, photo: Path) -> None:
    found = blazepalm("detect", photo, *QUICK, "--json", "--landmarks", "none").json
    assert found["models"]["landmarks"] is None
    assert len(found["frames"][0]["hands"]) == 2
    for hand in found["frames"][0]["hands"]:
        assert set(hand) == KEYS
        assert hand["landmarks"] is None and hand["handedness"] is None
    plain = blazepalm("detect", photo, *QUICK, "--landmarks", "none", "--max-hands", "1")
    assert "1 palm" in plain.out and "1 palms" not in plain.out


def test_older_releases(blazepalm: Command, photo: Path) -> None:
    found = blazepalm(
        "detect", photo, "--json",
        "--model", shared_model("palm-2020-11"), "--landmarks", shared_model("hand-3d-2019-08"),
    )  # fmt: skip
    assert found.code == 0, found.err
    assert found.json["models"]["detector"] == "palm-2020-11"
    assert found.json["models"]["landmarks"] == "hand-3d-2019-08"
    for hand in found.json["frames"][0]["hands"]:
        assert hand["handedness"] is None and hand["world_landmarks"] is None


def refused(done: Outcome, *words: str) -> None:
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    errors = done.err.replace("\n", " ")
    for word in words:
        assert word in errors, errors


def test_bad_images(blazepalm: Command, tmp_path: Path) -> None:
    text = tmp_path / "letter.png"
    text.write_text("Dear diary,\n" * 9)
    empty = tmp_path / "empty"
    empty.mkdir()
    written = [tmp_path / name for name in ("drawn.png", "table.csv", "hands.json")]
    for path, word in (
        (text, "is not an image"),
        (empty, "contains no pictures or videos"),
        (tmp_path / "nothing.png", "no such file"),
        (tmp_path / "*.gif", "no file matches this pattern"),
    ):
        options = ("--draw", written[0], "--csv", written[1], "--output-json", written[2])
        refused(blazepalm("detect", path, *options), str(path), word)
        assert not any(file.exists() for file in written)
    assert sorted(tmp_path.iterdir()) == [empty, text]


def test_models_of_the_wrong_family(blazepalm: Command, photo: Path) -> None:
    refused(
        blazepalm("detect", photo, "--model", "hand-lite"),
        "hand-lite", "a hand landmark model", "expected a palm detector",
    )  # fmt: skip
    refused(
        blazepalm("detect", photo, "--landmarks", "palm-lite"), "expected a hand landmark model"
    )
    refused(blazepalm("detect", photo, "--model", "palm-fall"), "palm-fall")
    refused(blazepalm("detect", photo, "--backend", "onnx"), "onnx", "torch", "tflite", "coreml")
    refused(blazepalm("detect", photo, "--landmarks", "none", "--track"), "--track needs")


PICTURES: dict[str, Callable[[Image.Image, Path], object]] = {
    "grey.png": lambda hands, path: hands.convert("L").save(path),
    "rgba.png": lambda hands, path: hands.convert("RGBA").save(path),
    "palette.gif": lambda hands, path: hands.quantize(64).save(path),
    "deep.png": lambda hands, path: Image.fromarray(
        np.asarray(hands.convert("L")).astype(np.uint16) * 257
    ).save(path),
    "cmyk.jpg": lambda hands, path: hands.convert("CMYK").save(path, quality=95),
    "turned.jpg": lambda hands, path: hands.transpose(Image.Transpose.ROTATE_90).save(
        path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    ),
}


def test_every_kind_of_picture_beside_bad_ones(
    blazepalm: Command, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    hands = Image.open(photo)
    for name, save in PICTURES.items():
        save(hands, folder / name)
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    (folder / "cut.jpg").write_bytes((folder / "cmyk.jpg").read_bytes()[:900])
    (folder / "letter.png").write_text("Dear diary,\n")
    Image.new("1", (40000, 2)).save(folder / "wide.png")  # longer than a warp's positions reach
    (folder / "notes.txt").write_text("not even tried")
    (folder / "inside.png").mkdir()
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / ".hidden").write_text("")
    done = blazepalm(
        "detect", folder, tmp_path / "nothing.png", *QUICK,
        "--draw", tmp_path / "drawn", "--csv", tmp_path / "hands.csv", "--json",
    )  # fmt: skip
    assert done.code == 2
    assert "Traceback" not in done.err
    bad = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(bad) == 7
    assert all(failure["source"] in failure["message"] for failure in done.json["failures"])
    assert [Path(failure["source"]).name for failure in done.json["failures"]] == [
        "gone.png", "inside.png", "notes.txt", "nothing.png", "cut.jpg", "letter.png", "wide.png",
    ]  # fmt: skip
    assert [f"error: {failure['message']}" for failure in done.json["failures"]] == bad
    assert f"error: {folder}/notes.txt: skipped: neither a picture nor a video" in bad
    found = {Path(frame["source"]).name: frame for frame in done.json["frames"]}
    assert set(found) == {*PICTURES, "dot.png"}
    for name in PICTURES:
        assert len(found[name]["hands"]) == 2, name
        size = found[name]["width"], found[name]["height"]
        assert size == hands.size, name
    assert found["dot.png"]["hands"] == []
    drawn = {Path(name).stem for name in found}
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {f"{d}.png" for d in drawn}
    rows = (tmp_path / "hands.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * len(PICTURES)


def test_several_pictures_are_a_line_each(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    none = tmp_path / "none.png"
    Image.fromarray(rendered("none").image).save(none)
    done = blazepalm("detect", photo, none, photo, *QUICK)
    assert done.code == 0, done.err
    first, second = done.out.splitlines()
    assert first.startswith(f"{photo}, 420×260: 2 hands (")
    assert "left 0." in first and "right 0." in first
    assert second == f"{none}, 240×180: no hand found"
    assert "2 frames in" in done.err


def test_backends_agree(blazepalm: Command, photo: Path) -> None:
    points = {}
    for backend in ("torch", "tflite"):
        done = blazepalm("detect", photo, "--backend", backend, "--json")
        assert done.json["models"]["backend"] == backend
        points[backend] = np.array([h["landmarks"] for h in done.json["frames"][0]["hands"]])
    np.testing.assert_allclose(points["torch"], points["tflite"], 0, 1e-4)


def test_nothing_is_overwritten(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.png"
    drawn.write_text("mine")
    refused(blazepalm("detect", photo, *QUICK, "--draw", drawn), "exists already", "--force")
    assert drawn.read_text() == "mine"
    assert blazepalm("detect", photo, *QUICK, "--draw", drawn, "--force").code == 0
    assert np.asarray(Image.open(drawn)).shape == rendered("two").image.shape
    before = photo.read_bytes()
    refused(blazepalm("detect", photo, *QUICK, "--draw", photo, "--force"), "is one of the inputs")
    assert photo.read_bytes() == before


def test_drawings_that_cannot_be(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    refused(blazepalm("detect", photo, "--draw", tmp_path / "drawn.txt"), ".png, .jpg")
    (tmp_path / "folder.png").mkdir()
    refused(blazepalm("detect", photo, "--draw", tmp_path / "folder.png"), "is a folder")
    (tmp_path / "file").write_text("")
    refused(blazepalm("detect", photo, "--draw", tmp_path / "file" / "a.png"), "cannot be written")
    assert (tmp_path / "file").read_text() == ""


def test_outputs_that_do_not_fit_the_inputs(
    blazepalm: Command, photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    Image.fromarray(rendered("none").image).save(other)
    one = tmp_path / "one.png"
    refused(
        blazepalm("detect", photo, other, "--draw", one), "one picture cannot hold", "name a folder"
    )
    refused(blazepalm("detect", photo, "--video", tmp_path / "a.mp4"), "no input is a video")
    refused(blazepalm("detect", photo, "--csv", tmp_path / "a.txt"), "written as .csv")
    refused(blazepalm("detect", photo, "--output-json", tmp_path), "written as .json")
    refused(blazepalm("detect", photo, other, "--draw", tmp_path), "is not empty", "--force")
    refused(
        blazepalm("detect", photo, other, "--draw", tmp_path, "--force"), "is one of the inputs"
    )
    assert list(tmp_path.iterdir()) == [other]


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Like gesture_recognizer.task: a bundle in a bundle, both aligned, with rewritten files of the
    networks, and a model of another kind.
    """
    folder = tmp_path_factory.mktemp("bundles")
    hands = {
        "hand_detector.tflite": with_unused_buffer(shared_model("palm-lite-2021-11").read_bytes()),
        "hand_landmarks_detector.tflite": with_unused_buffer(
            shared_model("hand-lite-2022").read_bytes()
        ),
    }
    inner = bytes(2) + zipped(hands)
    crop = shared_model("hand-recrop-2020-07").read_bytes()
    (folder / "hands.task").write_bytes(inner)
    (folder / "gestures.task").write_bytes(
        bytes(3) + zipped({"hand_landmarker.task": inner, "crop.tflite": crop})
    )
    return folder


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["hands.task", "gestures.task"])
def test_a_bundle_is_both_models(
    blazepalm: Command, photo: Path, official: Path, name: str
) -> None:
    done = blazepalm("detect", photo, "--model", official / name, *QUICK, "--json")
    assert done.code == 0, done.err
    assert "warning" not in done.err  # both networks are known
    expected = blazepalm("detect", photo, *LITE, *QUICK, "--rule", "tasks", "--json").json
    assert done.json["models"] == expected["models"]
    assert done.json["models"]["rule"] == "tasks"
    assert done.json["frames"] == expected["frames"]


def test_a_bundle_with_torch(blazepalm: Command, photo: Path, official: Path) -> None:
    task = official / "hands.task"
    done = blazepalm("detect", photo, "--model", task, "--rule", "solutions", "--json")
    assert done.code == 0, done.err
    assert done.json["frames"] == blazepalm("detect", photo, *LITE, "--json").json["frames"]
    by_tasks = blazepalm("detect", photo, "--model", task, "--json")
    assert by_tasks.json["frames"] != done.json["frames"]  # 90 radians


def test_rules_that_do_not_fit(blazepalm: Command, photo: Path) -> None:
    refused(blazepalm("detect", photo, "--rule", "holistic"), "holistic", "solutions or tasks")
    refused(blazepalm("detect", photo, "--landmarks", "none", "--rule", "tasks"), "--rule needs")


def test_a_bundle_beside_another_model(blazepalm: Command, photo: Path, official: Path) -> None:
    """A named model takes precedence over the one in the bundle."""
    task = official / "gestures.task"
    done = blazepalm("detect", photo, "--model", task, "--landmarks", "hand-full", *QUICK, "--json")
    assert done.json["models"]["landmarks"] == "hand-full-2022"
    done = blazepalm("detect", photo, "--model", "palm-full", "--landmarks", task, *QUICK, "--json")
    assert done.json["models"]["detector"] == "palm-full-2023-09"
    assert done.json["models"]["landmarks"] == "hand-lite-2022"
    done = blazepalm("detect", photo, "--model", task, "--landmarks", "none", *QUICK, "--json")
    assert done.json["models"]["landmarks"] is None


def test_bundles_without_what_is_wanted(blazepalm: Command, photo: Path, tmp_path: Path) -> None:
    hands = [shared_model(name).read_bytes() for name in ("hand-full-2022", "hand-lite-2022")]
    path = tmp_path / "hands.task"
    path.write_bytes(zipped({"a.tflite": hands[0], "b.tflite": hands[1]}))
    refused(
        blazepalm("detect", photo, "--model", path, "--landmarks", "hand-full", *QUICK),
        "the bundle does not hold a palm detector",
    )
    refused(
        blazepalm("detect", photo, "--landmarks", path, *QUICK),
        "holds 2 models that are a hand landmark model; name one of them:", f"{path}:b.tflite",
    )  # fmt: skip


@pytest.mark.parametrize("option", ["--model", "--landmarks"])
def test_what_is_given_for_a_model(
    blazepalm: Command, photo: Path, tmp_path: Path, option: str
) -> None:
    """A picture with a model's name is still recognised as a picture."""
    path = tmp_path / "photo.tflite"
    path.write_bytes(photo.read_bytes())
    refused(blazepalm("detect", photo, option, path), "not a TFLite model but a picture")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("tpu", "unknown device 'tpu'; choose cpu, cuda or cuda:N"),
        ("cuda", "device cuda: this PyTorch was built without CUDA; choose cpu"),
        ("cuda:1", "device cuda:1: this PyTorch was built without CUDA; choose cpu"),
    ],
)
def test_a_device_that_is_not_there(
    blazepalm: Command, photo: Path, monkeypatch: pytest.MonkeyPatch, device: str, message: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.version.cuda", None)
    done = blazepalm("detect", photo, *LITE, "--device", device, "--json")
    assert (done.code, done.out) == (2, "")
    assert " ".join(done.err.split()).endswith(f"hand-lite error: {message}")


def test_only_torch_computes_on_a_gpu(blazepalm: Command, photo: Path) -> None:
    done = blazepalm("detect", photo, *LITE, *QUICK, "--device", "cuda")
    assert (done.code, done.out) == (2, "")
    message = "error: --device cuda needs --backend torch, not tflite"
    assert " ".join(done.err.split()).endswith(message)


def test_what_is_still_expected() -> None:
    """At most 4 frames of each: 1 + 4 + 1 + 2 in all, then what is left after each source."""
    picture, video = Source("a", "image", 1, None), Source("b", "video", 30, 25.0)
    camera, short = Source("camera:0", "camera", None, None), Source("c", "video", 2, 25.0)
    assert expected_from([picture, video, picture, short], 4) == [8, 7, 3, 2, 0]
    assert expected_from([video, camera, short], None) == [None, None, 2, 0]
