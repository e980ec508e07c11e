"""`blazepalm convert A B …`: each file as it would be converted alone; one that fails costs no
other; what an earlier run finished is kept.
"""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Outcome

from blazepalm.cli import convert_several
from support.tflite_builder import ModelBuilder

Command = Callable[..., Outcome]


def one(operator: str, *inputs: int) -> bytes:
    """A model of one operator on a 1×4×4×2 tensor."""
    model = ModelBuilder()
    for _ in range(2):
        model.tensor((1, 4, 4, 2))
    model.operator(operator, list(inputs), [1])
    return model.build([0], [1])


RELU, ADD, ODD = one("RELU", 0), one("ADD", 0, 0), one("FFT_3D", 0)  # the last is no operator


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.tflite", content)
    return target.getvalue()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three files and a bundle; one file and one of the bundle's models cannot be converted."""
    place = tmp_path / "in"
    place.mkdir()
    (place / "relu.tflite").write_bytes(RELU)
    (place / "add.tflite").write_bytes(ADD)
    (place / "odd.tflite").write_bytes(ODD)
    (place / "two.task").write_bytes(zipped(a=RELU, b=ODD, c=ADD))
    return place


@pytest.fixture
def several(blazepalm: Command, tmp_path: Path, files: Path) -> Callable[..., Outcome]:
    def run(*names: str, options: tuple[str, ...] = ()) -> Outcome:
        paths = [files / name for name in names]
        return blazepalm("convert", "--no-coreml", *paths, "-o", tmp_path / "out", *options)

    return run


ALL = ("relu.tflite", "odd.tflite", "two.task", "add.tflite")
FOLDERS = ["relu", "two/a", "two/c", "add"]


def test_each_as_if_alone(
    several: Callable[..., Outcome], blazepalm: Command, tmp_path: Path, files: Path
) -> None:
    done = several(*ALL, options=("--json",))
    assert done.code == 2
    out = tmp_path / "out"
    assert [entry["folder"] for entry in done.json] == [str(out / name) for name in FOLDERS]
    assert [entry["kept"] for entry in done.json] == [False] * 4
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2 and all("FFT_3D" in line for line in errors)
    assert "odd.tflite" in done.err and "two.task:b.tflite" in done.err
    assert "2 of 4 not, or not wholly, converted" in done.err and "Traceback" not in done.err
    alone = tmp_path / "alone"
    assert blazepalm("convert", "--no-coreml", files / "relu.tflite", "-o", alone).code == 0
    assert tree(alone) == tree(out / "relu")
    assert sorted(path.name for path in out.iterdir()) == ["add", "relu", "two"]


def test_what_is_finished_is_kept(several: Callable[..., Outcome], tmp_path: Path) -> None:
    """Not what another file, or other options, would give; nor what somebody has changed."""
    out = tmp_path / "out"
    assert several("relu.tflite", "two.task").code == 2
    times = {path: os.stat(path).st_ino for path in out.rglob("*")}
    done = several("relu.tflite", "two.task", "add.tflite", options=("--json",))
    assert done.code == 2
    assert [(Path(e["folder"]).name, e["kept"]) for e in done.json] == [
        ("relu", True),
        ("a", True),
        ("c", True),
        ("add", False),
    ]
    assert {path: os.stat(path).st_ino for path in times} == times
    (tmp_path / "in" / "relu.tflite").write_bytes(ADD)
    (out / "add" / "model.pth").write_bytes(b"changed")
    done = several("relu.tflite", "add.tflite")
    assert done.code == 2 and done.out == ""
    assert done.err.count("exists already") == 2 and "--force" in done.err
    assert several("relu.tflite", "add.tflite", options=("--layout", "nchw")).code == 2
    done = several("relu.tflite", "add.tflite", options=("--force",))
    assert done.code == 0 and "earlier run" not in done.out and len(done.out.splitlines()) == 2
    again = several("relu.tflite", "add.tflite")
    assert again.code == 0 and again.out.count(", from an earlier run") == 2


def test_other_options_are_not_finished(
    several: Callable[..., Outcome], blazepalm: Command, tmp_path: Path, files: Path
) -> None:
    assert several("relu.tflite", "add.tflite", options=("--layout", "nchw")).code == 0
    for options in ((), ("--layout", "nhwc")):
        done = several("relu.tflite", "add.tflite", options=options)
        assert done.code == 2 and done.err.count("exists already") == 2
    paths = [files / name for name in ("relu.tflite", "add.tflite")]
    out = tmp_path / "packages"
    for options, code in (((), 0), ((), 0), (("--precision", "fp32"), 2), (("--no-coreml",), 2)):
        done = blazepalm("convert", *paths, "-o", out, *options)
        assert done.code == code, done.err
    assert done.err.count("exists already") == 2


def test_refused_before_the_work(
    several: Callable[..., Outcome], blazepalm: Command, tmp_path: Path, files: Path
) -> None:
    done = several("relu.tflite", "add.tflite", options=("--generation", "hand-2020-11"))
    assert done.code == 2 and "convert that file by itself" in " ".join(done.err.split())
    done = several("relu.tflite", "add.tflite", options=("--layout", "cat"))
    assert done.code == 2 and "unknown layout" in done.err and "converting" not in done.err
    assert not (tmp_path / "out").exists()
    blazepalm("convert", "--no-coreml", files / "relu.tflite", "-o", tmp_path / "out")
    done = several("relu.tflite", "add.tflite")
    assert done.code == 2 and "is a converted folder itself" in done.err


def test_two_files_of_one_name(
    several: Callable[..., Outcome], tmp_path: Path, files: Path
) -> None:
    (files / "more").mkdir()
    (files / "more" / "RELU.tflite").write_bytes(ADD)
    done = several("relu.tflite", "more/RELU.tflite", "add.tflite")
    assert done.code == 2
    assert "RELU.tflite: would be written to" in done.err and "with another -o" in done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["add", "relu"]
    (files / "two.tflite").write_bytes(ADD)
    for names in (("two.task", "two.tflite"), ("two.tflite", "two.task")):
        done = several(*names, options=("--force",))
        assert done.code == 2 and f"{names[1]}: would be written to" in done.err


@pytest.mark.parametrize("force", [False, True])
def test_an_interrupted_run_goes_on(
    several: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    whole = convert_several.convert_opened

    def interrupted(opened: object, *rest: object) -> list[Path]:
        if "add" in str(opened.folders):  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return whole(opened, *rest)  # type: ignore[arg-type]

    options = ("--force",) if force else ()
    monkeypatch.setattr(convert_several, "convert_opened", interrupted)
    done = several("relu.tflite", "add.tflite", options=options)
    assert done.code == 130 and len(done.out.splitlines()) == 1
    assert ("goes on where it stopped" in done.err) is not force
    monkeypatch.setattr(convert_several, "convert_opened", whole)
    done = several("relu.tflite", "add.tflite", options=options)
    assert done.code == 0 and done.out.count("from an earlier run") == 1 - force


def test_what_is_measured_does_not_go_on(
    blazepalm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: Path
) -> None:
    """Folders of --quantize are never known to be finished."""

    def interrupted(*_: object) -> list[Path]:
        raise KeyboardInterrupt

    monkeypatch.setattr(convert_several, "convert_opened", interrupted)
    paths = [files / name for name in ("relu.tflite", "add.tflite")]
    done = blazepalm("convert", "--quantize", "int8", *paths, "-o", tmp_path / "out")
    assert done.code == 130 and "stopped at 1 of 2" in done.err
    assert "goes on" not in done.err


def test_a_full_disk_ends_the_run(
    several: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> list[Path]:
        from blazepalm.atomic import told

        with told(tmp_path / "out"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert_several, "convert_opened", full)
    done = several("relu.tflite", "add.tflite")
    assert done.code == 2 and done.err.count("error: ") == 1 and "No space" in done.err
