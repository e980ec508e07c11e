"""`blazepalm golden record` and `golden check` on a folder of the user's own pictures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blazepalm.atomic import check_folder
from blazepalm.errors import ArtifactError, CouldNotVerify
from blazepalm.golden.make import owned_files
from blazepalm.models.releases import resolve
from blazepalm.reports.recording import recording
from support.cli import Cli
from support.hand_scenes import rendered
from support.own_golden import NAMES, own_golden
from support.rewritten import with_another_weight, written_anew

LITE = ("--detector", "palm-lite", "--landmarks", "hand-lite")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_golden(tmp_path_factory.mktemp("own")).folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A golden folder of the user's own pictures, not recorded yet."""
    return Path(shutil.copytree(made, tmp_path / "golden"))


@pytest.fixture
def kept(blazepalm: Cli, folder: Path) -> Path:
    """`folder` with its recording."""
    done = blazepalm("golden", "record", folder, *LITE)
    assert done.code == 0, done.err
    return folder


def changed(folder: Path, change: Callable[[Any], object]) -> None:
    path = folder / "recorded.json"
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values))


def test_record_and_check(blazepalm: Cli, folder: Path) -> None:
    done = blazepalm("golden", "record", folder, *LITE)
    assert done.code == 0, done.err
    assert done.out.splitlines()[:2] == [
        "recorded: 3 pictures, 3 of them now, with 3 hands",
        "with:     palm-lite-2021-11 and hand-lite-2022, by tflite",
    ]
    assert "recording: 3 of 3" in done.err
    content = (folder / "recorded.json").read_bytes()
    again = blazepalm("golden", "record", folder, *LITE)
    assert "3 pictures, 0 of them now" in again.out
    forced = blazepalm("golden", "record", folder, *LITE, "--force")
    assert "3 pictures, 3 of them now" in forced.out
    assert (folder / "recorded.json").read_bytes() == content

    done = blazepalm("golden", "check", folder)
    assert done.code == 0, done.err
    assert "looking again: 3 of 3" in done.err
    for name in NAMES:
        assert any(line.split()[:1] == [name] and line.split()[-1] == "ok"
                   for line in done.out.splitlines())  # fmt: skip
    assert done.out.endswith("\n3 pictures, 3 hands compared: as recorded\n")
    assert max(map(len, done.out.splitlines())) <= 80


def test_other_backends_are_as_recorded(blazepalm: Cli, kept: Path) -> None:
    for backend, name in (("torch", "torch"), ("coreml", "coreml-mil")):
        done = blazepalm("golden", "check", kept, "--backend", backend, "--json")
        assert done.code == 0, done.out + done.err
        values = done.json
        assert values["passed"] is True and values["hands"] == 3
        assert values["models"]["found"]["backend"] == name
        assert 0 < values["differences"]["most"] < values["limits"]["most"] == 0.5


def test_float16_is_judged_by_its_own_limits(blazepalm: Cli, kept: Path) -> None:
    """Landmarks differ by more than float32's, measured in pixels of the network's input."""
    line = ("golden", "check", kept, "--backend", "coreml", "--precision", "fp16")
    done = blazepalm(*line, "--json")
    assert done.code == 0, done.out + done.err
    values = done.json
    limits, seen = values["limits"], values["differences"]
    assert (limits["mean"], limits["most"], limits["box"]) == (0.15, 0.5, 0.01)
    assert "depth" not in limits and set(limits) < set(seen)
    assert 1e-3 < seen["mean"] < 0.15, "float32's would be below 1e-4"

    def move(values: Any) -> None:
        values["cases"][1]["hands"][0]["landmarks"][8][0] += 0.01  # of the picture's width

    changed(kept, move)
    done = blazepalm(*line)
    assert done.code == 1 and "own-back: farthest landmark" in done.out
    assert "px of each network's input" in " ".join(done.err.split())


def test_json(blazepalm: Cli, folder: Path) -> None:
    done = blazepalm("golden", "record", folder, *LITE, "--only", "own-two", "--json")
    assert done.code == 0, done.err
    assert set(done.json) == {"file", "models", "recorded", "cases", "hands"}
    assert (done.json["recorded"], done.json["cases"], done.json["hands"]) == (["own-two"], 1, 2)
    done = blazepalm("golden", "check", folder, "--json")
    values = done.json
    assert set(values) == {
        "file", "models", "passed", "hands", "differences", "limits", "cases", "unrecorded",
    }  # fmt: skip
    assert values["models"]["expected"] == values["models"]["found"]
    assert values["models"]["expected"]["detector"]["name"] == "palm-lite-2021-11"
    assert values["unrecorded"] == ["own-back", "own-none"]
    (case,) = values["cases"]
    assert set(case) == {
        "name", "passed", "reasons", "recorded", "found", "unmatched", "ties", "differences",
    }  # fmt: skip
    assert (case["recorded"], case["found"], case["unmatched"]) == (2, 2, 0)
    plain = blazepalm("golden", "check", folder)
    assert plain.code == 0 and "2 pictures not recorded;" in plain.err


def test_a_pixel_in_the_recording_is_seen(blazepalm: Cli, kept: Path) -> None:
    width = rendered("back").image.shape[1]

    def move(values: Any) -> None:
        values["cases"][1]["hands"][0]["landmarks"][8][0] += 1 / width

    changed(kept, move)
    done = blazepalm("golden", "check", kept)
    assert done.code == 1
    assert f"own-back: farthest landmark, px: {640 / width:.3g}, limit 0.5" in done.out
    assert done.out.endswith("3 pictures, 3 hands compared: 1 differ\n")
    assert blazepalm("golden", "check", kept, "--only", "own-two").code == 0
    found = blazepalm("golden", "check", kept, "--json")
    assert found.code == 1
    assert [case["passed"] for case in found.json["cases"]] == [True, False, True]


def test_a_hand_more_or_less_is_seen(blazepalm: Cli, kept: Path) -> None:
    changed(kept, lambda values: values["cases"][0]["hands"].pop())
    done = blazepalm("golden", "check", kept)
    assert done.code == 1
    assert "own-two: hands: 1 recorded, 2 found, 1 unmatched" in done.out
    assert "1 → 2" in done.out

    def add(values: Any) -> None:
        values["cases"][2]["hands"] += values["cases"][1]["hands"]

    changed(kept, add)
    assert "own-none: hands: 1 recorded, 0 found" in blazepalm("golden", "check", kept).out


def test_another_picture_is_seen(blazepalm: Cli, kept: Path) -> None:
    (kept / "own-back.png").write_bytes((kept / "own-two.png").read_bytes())
    done = blazepalm("golden", "check", kept)
    assert done.code == 1
    assert "own-back: its picture is not the one that was recorded" in done.out
    assert "own-two: " not in done.out


def test_other_models_are_told_and_judged(blazepalm: Cli, kept: Path) -> None:
    done = blazepalm("golden", "check", kept, "--landmarks", "hand-full")
    assert done.code == 1
    assert "warning: hand-full-2022 is not the recorded model, hand-lite-2022" in done.err
    assert "own-back: farthest landmark" in done.out


def test_it_outlives_what_is_made_later(blazepalm: Cli, kept: Path) -> None:
    content = (kept / "recorded.json").read_bytes()
    done = blazepalm("golden", "make", "-o", kept, "--only", "hard-white", "--force")
    assert done.code == 0, done.err
    assert (kept / "recorded.json").read_bytes() == content
    done = blazepalm("golden", "check", kept)
    assert done.code == 0 and "1 picture not recorded;" in done.err
    done = blazepalm("golden", "record", kept, *LITE)
    assert "4 pictures, 1 of them now, with 3 hands" in done.out
    assert blazepalm("golden", "check", kept).out.endswith(
        "4 pictures, 3 hands compared: as recorded\n"
    )


def test_nothing_recorded_is_not_verified(blazepalm: Cli, folder: Path) -> None:
    done = blazepalm("golden", "check", folder)
    assert done.code == 3 and done.out == ""
    assert "nothing is recorded yet; run blazepalm golden record first" in done.err
    assert blazepalm("golden", "record", folder, *LITE, "--only", "own-none").code == 0
    done = blazepalm("golden", "check", folder, "--only", "own-two")
    assert done.code == 3 and "nothing was recorded of 'own-two'" in done.err


def refused(done: Any, *words: str) -> None:
    assert done.code == 2, done.err
    assert done.out == "" and "Traceback" not in done.err and done.err.count("error: ") <= 1
    for word in words:
        assert word in done.err.replace("\n", " "), done.err


def test_a_tampered_file_is_one_sentence(blazepalm: Cli, kept: Path) -> None:
    good = (kept / "recorded.json").read_bytes()
    for content in (
        b"{}",
        good[:-9],
        good.replace(b'"score": 0.', b'"score": 7.', 1),
        good.replace(b'"name": "own-two"', b'"name": "\\u001b[31m"'),
        b"[" * 100_000,
    ):
        (kept / "recorded.json").write_bytes(content)
        for command in (("check",), ("record", *LITE), ("record", *LITE, "--force")):
            done = blazepalm("golden", *command[:1], kept, *command[1:])
            refused(done, "recorded.json: ", "delete it and record again")
            assert "\x1b" not in done.err
            assert (kept / "recorded.json").read_bytes() == content


def test_a_recorded_model_is_looked_up_by_its_digest(blazepalm: Cli, kept: Path) -> None:
    """A recorded name may be anything, so it opens no file."""
    changed(kept, lambda values: values["detector"].update(name="/etc/hostname"))
    assert blazepalm("golden", "check", kept).code == 0
    unknown = {"sha256": "0" * 64, "network_sha256": "0" * 64}
    changed(kept, lambda values: values["detector"].update(unknown))
    refused(
        blazepalm("golden", "check", kept),
        "recorded with /etc/hostname, which is not a known release", "--detector",
    )  # fmt: skip
    done = blazepalm("golden", "check", kept, "--detector", "palm-lite")
    assert done.code == 0 and "not the recorded model, /etc/hostname" in done.err


def test_another_file_of_the_same_network_is_the_recorded_model(
    blazepalm: Cli, folder: Path, tmp_path: Path
) -> None:
    """MediaPipe's bundles hold the released networks in files with other metadata."""
    palm, hand = tmp_path / "palm.tflite", tmp_path / "hand.tflite"
    palm.write_bytes(written_anew(resolve("palm-lite").read_bytes()))
    hand.write_bytes(written_anew(resolve("hand-lite").read_bytes()))
    others = ("--detector", str(palm), "--landmarks", str(hand))
    only = ("--only", "own-back")
    assert blazepalm("golden", "record", folder, *others, *only).code == 0
    content = (folder / "recorded.json").read_bytes()
    done = blazepalm("golden", "check", folder)
    assert done.code == 0 and "not the recorded" not in done.err, done.err
    changed(folder, lambda values: values["detector"].pop("network_sha256"))
    refused(blazepalm("golden", "check", folder), "is not a known release")  # an old recording

    assert blazepalm("golden", "record", folder, *LITE, "--force").code == 0
    done = blazepalm("golden", "check", folder, *others, *only)
    assert done.code == 0 and "not the recorded" not in done.err, done.err
    assert blazepalm("golden", "record", folder, *others, *only, "--force").code == 0
    assert "palm.tflite" not in (folder / "recorded.json").read_text()
    (folder / "recorded.json").write_bytes(content)
    assert blazepalm("golden", "record", folder, *LITE).code == 0

    other = tmp_path / "other.tflite"
    other.write_bytes(with_another_weight(hand.read_bytes()))
    done = blazepalm("golden", "check", folder, "--landmarks", str(other), *only)
    assert "other is not the recorded model, hand-lite-2022" in done.err


def test_one_recording_is_of_one_run(blazepalm: Cli, kept: Path) -> None:
    before = (kept / "recorded.json").read_bytes()
    other = ("--detector", "palm-lite", "--landmarks", "hand-lite", "--backend", "torch")
    refused(blazepalm("golden", "record", kept, *other), "was recorded with", "--force")
    assert (kept / "recorded.json").read_bytes() == before
    assert blazepalm("golden", "record", kept, *other, "--force").code == 0
    assert b'"backend": "torch"' in (kept / "recorded.json").read_bytes()
    done = blazepalm("golden", "check", kept)
    assert done.code == 0 and "now:      palm-lite-2021-11 and hand-lite-2022, by torch" in done.out


def test_bad_input_is_one_sentence(blazepalm: Cli, folder: Path, tmp_path: Path) -> None:
    for command in ("record", "check"):
        refused(blazepalm("golden", command, tmp_path / "none"), "is not a golden set")
        refused(blazepalm("golden", command, folder, "--backend", "onnx"), "onnx")
    refused(blazepalm("golden", "record", folder, "--backend", "coreml"), "choose torch or")
    refused(blazepalm("golden", "check", folder, "--precision", "fp8"), "choose fp32 or fp16")
    refused(blazepalm("golden", "record", folder, "--only", "nobody"), "no readable case 'nobody'")
    refused(blazepalm("golden", "record", folder, "--detector", "hand-lite"), "a palm detector")
    assert not (folder / "recorded.json").exists()


def test_help(blazepalm: Cli) -> None:
    usage_help = blazepalm("golden", "--help").out
    assert all(command in usage_help for command in ("make", "record", "check", "export-ios"))


def test_no_other_process_changes_the_folder_while_one_records(
    blazepalm: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`golden make` would put a new folder in its place, without the recording."""
    seen = []

    def record(*_: object, **__: object) -> None:
        with pytest.raises(ArtifactError, match="another process is writing it"):
            check_folder(folder, owned=owned_files, force=True)
        seen.append(True)
        raise CouldNotVerify("seen enough")

    monkeypatch.setattr(recording, "record", record)
    assert blazepalm("golden", "record", folder, *LITE).code == 3
    assert seen == [True]
    assert not list(folder.parent.glob(".blazepalm-*"))
