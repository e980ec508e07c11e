"""Every command that writes, put through everything that can be in the way: what is the user's
stays, one sentence says why, and nothing is left behind. What is slow and writes nothing is
stood in for.
"""

import errno
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.atomic import claim
from blazepalm.errors import ArtifactError
from blazepalm.reports import report_folder
from blazepalm.reports.fixtures import export
from blazepalm.reports.fixtures.folder import whole_fixtures
from blazepalm.reports.hands import finder
from support import report_samples
from support.cli import Cli, Outcome
from support.clips import write_clip
from support.tiny import doubling

Patch = pytest.MonkeyPatch
MINE = b"years of work"


@dataclass
class Desk:
    """A command's inputs, in a separate folder; `work` is the empty folder it writes to."""

    run: Cli
    read: Path
    work: Path

    def __call__(self, command: str, output: str | Path, *more: str) -> Outcome:
        return self.run(*COMMANDS[command](self.read), OPTION.get(command, "-o"), output, *more)


Arguments = Callable[[Path], tuple[str | Path, ...]]

FILES: dict[str, tuple[str, Arguments]] = {
    "anchors npy": (".npy", lambda _: ("anchors", "palm-full")),
    "anchors csv": (".csv", lambda _: ("anchors", "palm-full")),
    "anchors json": (".json", lambda _: ("anchors", "palm-full")),
    "recheck": (".json", lambda read: ("report", "recheck", read / "parity.json")),
    "render html": (".html", lambda read: ("report", "render", read / "parity.json")),
    "render junit": (".xml", lambda read: ("report", "render", read / "parity.json")),
    "render markdown": (".md", lambda read: ("report", "render", read / "parity.json")),
    "draw": (".png", lambda read: ("detect", read / "photo.png")),
    "draw jpeg": (".jpg", lambda read: ("detect", read / "photo.png")),
    "video": (".mp4", lambda read: ("detect", read / "clip.mp4")),
    "csv": (".csv", lambda read: ("detect", read / "photo.png")),
    "detections": (".json", lambda read: ("detect", read / "photo.png")),
    "run": (
        ".npz",
        lambda read: ("run", read / "Small.mlpackage", "--image", read / "photo.png"),
    ),
    "fetch embedded": (".tflite", lambda _: ("releases", "fetch", "palm-full")),
    "fetch": (
        ".tflite",
        lambda read: (
            *("releases", "fetch", "palm-2019-08"),
            *("--url", (read / "fetched").as_uri()),
        ),
    ),
}
FOLDERS: dict[str, Arguments] = {
    "convert": lambda read: ("convert", read / "tiny.tflite", "--no-coreml"),
    "convert package": lambda read: ("convert", read / "tiny.tflite"),
    "export": lambda read: ("export", read / "tiny.tflite"),
    "golden make": lambda _: ("golden", "make", "--only", "hard-white", "--jobs", "1"),
    "export-ios": lambda read: ("golden", "export-ios", "--golden", read / "no-golden"),
}
INTO: dict[str, Arguments] = {  # files of ours in a folder that may hold others
    "bundle": lambda read: ("convert", read / "two.task", "--no-coreml"),
    "parity": lambda read: (
        *("parity", read / "tiny.tflite", "--no-golden", "--inputs", "2", "--no-coreml"),
    ),
    "parity images": lambda read: (
        *("parity", read / "tiny.tflite", "--no-golden", "--inputs", "1", "--no-coreml"),
        *("--no-raw", "--images", read / "photo.png"),
    ),
    "explorer": lambda read: ("report", "render", read / "parity.json"),
    "draw all": lambda read: ("detect", read / "photo.png", read / "clip.mp4"),
    "videos": lambda read: ("detect", read / "photo.png", read / "clip.mp4"),
}
COMMANDS: dict[str, Arguments] = {
    **{name: how for name, (_, how) in FILES.items()},
    **FOLDERS,
    **INTO,
}
OPTION = {
    "render html": "--html",
    "render junit": "--junit",
    "render markdown": "--markdown",
    "explorer": "--explorer",
    "draw": "--draw",
    "draw jpeg": "--draw",
    "draw all": "--draw",
    "video": "--video",
    "videos": "--video",
    "csv": "--csv",
    "detections": "--output-json",
}
NO_FORCE = ("golden make",)  # it replaces what is its own


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read")
    (folder / "tiny.tflite").write_bytes(doubling())
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("one.tflite", doubling())
        archive.writestr("two.tflite", doubling())
    (folder / "two.task").write_bytes(bundle.getvalue())
    (folder / "parity.json").write_text(json.dumps(report_samples.passing()))
    picture = np.random.Generator(np.random.PCG64(0)).integers(0, 255, (16, 24, 3), np.uint8)
    Image.fromarray(picture).save(folder / "photo.png")
    write_clip(folder / "clip.mp4", [picture] * 3)
    (folder / "fetched").write_bytes(MINE * 100)
    return folder


@pytest.fixture
def desk(
    material: Path, small_package: Path, blazepalm: Cli, tmp_path: Path, monkeypatch: Patch
) -> Desk:
    """Stubs: no hand is ever found, and the fixtures are three files."""
    if not (material / "Small.mlpackage").exists():
        small_package.rename(material / "Small.mlpackage")
    else:
        import shutil

        shutil.rmtree(small_package)
    models = {"detector": "a", "landmarks": "b", "backend": "torch", "rule": "solutions"}
    found = finder.Finder(models, 7, lambda image: [], lambda: lambda image: [])
    monkeypatch.setattr(finder, "open_finder", lambda *_, **__: found)

    def exported(folder: Path, *, force: bool, **_: object) -> export.Exported:
        with whole_fixtures(folder, force=force) as writer:
            writer.put("images/a.bgra", b"a" * 400)
            writer.put("models/A.mlpackage/Manifest.json", b"b" * 400)
            digest = writer.manifest({})
        return export.Exported(folder, ("a",), ("b",), 0, 0, 0, digest)

    monkeypatch.setattr(export, "export_ios", exported)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Desk(blazepalm, material, work)


def content(folder: Path) -> dict[str, bytes | str | None]:
    """Everything below a folder: bytes of files, where links lead, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else None
        if path.is_file() and not path.is_symlink():
            found[name] = path.read_bytes()
    return found


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    before = [content(folder) for folder in folders]
    yield
    assert [content(folder) for folder in folders] == before


def refused(done: Outcome, words: str = "") -> None:
    """Asserts one sentence on stderr, and nothing on stdout."""
    assert done.code == 2, (done.out, done.err)
    assert done.err.count("error: ") == 1 and "Traceback" not in done.err
    assert words in " ".join(done.err.split()), done.err


def forced(command: str) -> tuple[str, ...]:
    return () if command in NO_FORCE else ("--force",)


def failing(number: int, real: Callable[..., Any], code: int) -> Callable[..., Any]:
    """Wraps `real` so that its `number`-th call raises OSError with errno `code`."""
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    return call


def name_of(command: str) -> str:
    return "out" + (FILES[command][0] if command in FILES else "")


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", FILES)
def test_a_file_is_written_replaced_and_nothing_else(desk: Desk, command: str) -> None:
    name = name_of(command)
    (desk.work / "neighbour").write_bytes(MINE)
    with untouched(desk.read):
        assert desk(command, name).code == 0
        written = content(desk.work)
        assert set(written) == {name, "neighbour"} and written["neighbour"] == MINE
        (desk.work / name).write_bytes(MINE)
        refused(desk(command, name), "exists already")
        assert content(desk.work) == {name: MINE, "neighbour": MINE}
        assert desk(command, name, "--force").code == 0
        assert content(desk.work) == written


@pytest.mark.parametrize("command", FILES)
def test_what_is_no_place_for_a_file(desk: Desk, command: str, monkeypatch: Patch) -> None:
    suffix, name = FILES[command][0], name_of(command)
    (desk.work / "mine").write_bytes(MINE)
    (desk.work / f"link{suffix}").symlink_to("mine")
    (desk.work / f"dangling{suffix}").symlink_to("nowhere")
    (desk.work / f"folder{suffix}").mkdir()
    (desk.work / f"there{suffix}").symlink_to(f"folder{suffix}")
    os.mkfifo(desk.work / f"pipe{suffix}")
    with untouched(desk.work):
        for place, words in (
            (f"link{suffix}", "is a link"),
            (f"dangling{suffix}", "is a link"),
            (f"pipe{suffix}", "is not an ordinary file"),
            (f"mine/{name}", "is not a writable folder"),
            (f"{'x' * 300}{suffix}", "File name too long"),
        ):
            refused(desk(command, place, "--force"), words)
        if not command.startswith(("fetch", "draw", "video", "run")):  # these take folders
            for place in (".", "..", "/", f"folder{suffix}", f"there{suffix}/"):
                refused(desk(command, place, "--force"))
        monkeypatch.setattr(os, "access", lambda _, mode, **__: not mode & os.W_OK)
        refused(desk(command, f"new/{name}"), "not a writable folder")


@pytest.mark.parametrize("command", FILES)
def test_a_disk_that_takes_no_file(desk: Desk, command: str, monkeypatch: Patch) -> None:
    name = name_of(command)
    (desk.work / name).write_bytes(MINE)
    replace, opened = os.replace, os.open

    def read_only(path: Any, flags: int, *rest: Any) -> Any:
        if flags & os.O_CREAT and Path(path).name.startswith(".blazepalm"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *rest)

    with untouched(desk.work, desk.read):
        for place in (name, f"deep/er/{name}"):
            monkeypatch.setattr(os, "replace", failing(1, replace, errno.ENOSPC))
            refused(desk(command, place, "--force"), os.strerror(errno.ENOSPC))
            monkeypatch.setattr(os, "replace", replace)
            monkeypatch.setattr(os, "open", read_only)
            refused(desk(command, place, "--force"), os.strerror(errno.EROFS))
            monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("command", FILES)
def test_a_full_disk(desk: Desk, command: str) -> None:
    """The system stops the process after a number of bytes in a file."""
    resource = pytest.importorskip("resource")
    (desk.work / name_of(command)).write_bytes(MINE)
    desk(command, "warm" + FILES[command][0], "--force")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with untouched(desk.work):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            done = desk(command, name_of(command), "--force")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        refused(done, "is the disk full?" if command == "video" else "cannot be written")


@pytest.mark.parametrize(
    ("command", "inputs"),
    [
        ("anchors npy", "anchors.npy"),
        ("recheck", "parity.json"),
        ("render html", "parity.json"),
        ("render junit", "parity.json"),
        ("explorer", "parity.json"),
        ("draw", "photo.png"),
        ("draw jpeg", "photo.png"),
        ("draw all", "photo.png"),
        ("video", "clip.mp4"),
        ("videos", "clip.mp4"),
        ("csv", "photo.png"),
        ("detections", "photo.png"),
        ("run", "photo.png"),
    ],
)
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_output_that_is_an_input(
    desk: Desk, command: str, inputs: str, link: Callable[..., None]
) -> None:
    """The output has another name: a hard link stands in for a disk that ignores case."""
    more: tuple[str, ...] = ("--force",)
    if command == "anchors npy":
        np.save(desk.read / "anchors.npy", np.zeros((3, 4), np.float32))
        more += ("--check", str(desk.read / "anchors.npy"))
    output = {
        "explorer": "out/hand-full-2022.torch.local.json",
        "draw all": "out/photo.png",
        "videos": "out/clip.mp4",
    }.get(command, name_of(command))
    (desk.work / output).parent.mkdir(exist_ok=True)
    link(desk.read / inputs, desk.work / output)
    with untouched(desk.work, desk.read):
        refused(desk(command, output.split("/")[0], *more), "is one of the inputs")


def test_a_package_that_is_read_is_not_written_into(desk: Desk) -> None:
    with untouched(desk.read):
        refused(desk("run", desk.read / "Small.mlpackage", "--force"), "is one of the inputs")


def test_a_recording_is_written_as_any_file(desk: Desk, monkeypatch: Patch) -> None:
    from blazepalm.cli import golden_record
    from blazepalm.reports.recording import recording

    found = recording.Recording(
        recording.Models(
            recording.ModelName("a", "0" * 64), recording.ModelName("b", "1" * 64), "tflite"
        ),
        (),
    )
    monkeypatch.setattr(golden_record, "_open", lambda *_: (None, None))
    monkeypatch.setattr(recording, "record", lambda *_, **__: (found, ()))
    assert desk("golden make", "set").code == 0
    command, target = ("golden", "record", "set"), desk.work / "set" / "recorded.json"
    assert desk.run(*command).code == 0 and target.read_bytes() == found.to_bytes()
    target.write_bytes(MINE)
    with untouched(desk.work):
        monkeypatch.setattr(os, "replace", failing(1, os.replace, errno.ENOSPC))
        refused(desk.run(*command), "No space left")
    target.unlink()
    for link in (os.symlink, os.link):
        link(desk.work / "set" / "hard-white.png", target)
        with untouched(desk.work):
            refused(desk.run(*command), "is one of the inputs")
        target.unlink()


# -- folders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", FOLDERS)
def test_a_folder_is_written_and_replaced(desk: Desk, command: str) -> None:
    (desk.work / "neighbour").write_bytes(MINE)
    with untouched(desk.read):
        assert desk(command, "out").code == 0
        written = content(desk.work)
        assert {name.split("/")[0] for name in written} == {"out", "neighbour"}
        if command not in NO_FORCE:
            refused(desk(command, "out"), "exists already")
        assert desk(command, "out", "--force").code == 0
        assert content(desk.work) == written


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("command", FOLDERS)
def test_what_is_no_place_for_a_folder(
    desk: Desk, command: str, force: bool, monkeypatch: Patch
) -> None:
    """The command refuses before the work: it converts no model and renders no picture."""
    more = ("--force",) if force else ()
    (desk.work / "mine").write_bytes(MINE)
    (desk.work / "folder").mkdir()
    (desk.work / "link").symlink_to("folder")
    (desk.work / "dangling").symlink_to("nowhere")
    (desk.work / "full").mkdir()
    (desk.work / "full" / "thesis.tex").write_bytes(MINE)
    with untouched(desk.work):
        for place, words in (
            (".", "is the current folder"),
            ("..", "or one above it"),
            ("/", "or one above it"),
            ("folder/..", "is the current folder"),
            (desk.work, "is the current folder"),
            ("mine", "is not a folder"),
            ("link", "is not a folder"),
            ("dangling", "is not a folder"),
            ("dangling/x", "is not a writable folder"),
            ("mine/x", "is not a writable folder"),
            ("full", "holds 'thesis.tex'"),
            ("x" * 300, "File name too long"),
        ):
            done = desk(command, place, *more)
            refused(done, words)
            assert "converting" not in done.err or command.startswith("convert")
            assert "rendering" not in done.err
        monkeypatch.setattr(os, "access", lambda _, mode, **__: not mode & os.W_OK)
        refused(desk(command, "new/out", *more), "not a writable folder")


@pytest.mark.parametrize("command", FOLDERS)
def test_a_foreign_file_among_ours(desk: Desk, command: str) -> None:
    assert desk(command, "out").code == 0
    (desk.work / "out" / "thesis.tex").write_bytes(MINE)
    with untouched(desk.work):
        refused(desk(command, "out", "--force"), "holds 'thesis.tex'")


@pytest.mark.parametrize(
    ("function", "number"), [("rename", 1), ("rename", 2), ("mkdir", 1), ("write", 1)]
)
@pytest.mark.parametrize("command", FOLDERS)
def test_a_disk_that_fails_half_way(
    desk: Desk, command: str, function: str, number: int, monkeypatch: Patch
) -> None:
    assert desk(command, "out").code == 0
    with untouched(desk.work, desk.read):
        monkeypatch.setattr(os, function, failing(number, getattr(os, function), errno.ENOSPC))
        refused(desk(command, "out", "--force"), "No space left on device")
        monkeypatch.undo()
    assert desk.work.exists()


@pytest.mark.parametrize("command", FOLDERS)
def test_a_full_disk_and_a_folder(desk: Desk, command: str) -> None:
    resource = pytest.importorskip("resource")
    assert desk(command, "out").code == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with untouched(desk.work):
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
        try:
            done = desk(command, "out", "--force")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        refused(done)


def test_a_damaged_record_shows_nothing_to_be_ours(desk: Desk) -> None:
    assert desk("convert", "out").code == 0
    (desk.work / "out" / "conversion.json").write_text("{}")
    with untouched(desk.work):
        refused(desk("convert", "out", "--force"), "which blazepalm did not write")


# -- files of ours among others ------------------------------------------------------------------


@pytest.mark.parametrize("command", INTO)
def test_neighbours_stay(desk: Desk, command: str) -> None:
    """`-o .` leaves other files alone, also the second time."""
    for name in ("thesis.tex", "journal/entry", ".hidden/x"):
        (desk.work / name).parent.mkdir(exist_ok=True)
        (desk.work / name).write_bytes(MINE)
    before = content(desk.work)
    for more in (forced(command), forced(command)):
        done = desk(command, ".", *more)
        assert done.code == 0, done.err
        found = content(desk.work)
        assert {name: found[name] for name in before} == before
        assert len(found) > len(before)
        assert not [name for name in found if ".blazepalm" in name]


@pytest.mark.parametrize("command", INTO)
def test_no_place_for_files(desk: Desk, command: str, monkeypatch: Patch) -> None:
    (desk.work / "mine").write_bytes(MINE)
    (desk.work / "dangling").symlink_to("nowhere")
    with untouched(desk.work):
        for place in ("mine", "mine/x", "dangling", "dangling/x", "x" * 300):
            refused(desk(command, place, *forced(command)))
        monkeypatch.setattr(os, "access", lambda _, mode, **__: not mode & os.W_OK)
        refused(desk(command, "new", *forced(command)), "not a writable folder")


@pytest.mark.parametrize("command", INTO)
def test_files_that_cannot_be_written(desk: Desk, command: str, monkeypatch: Patch) -> None:
    """No file is left half written; of several files, whole ones may remain, and of a parity run
    the journal, by which the next one goes on.
    """
    journal = ["out/.blazepalm-journal"] if command.startswith("parity") else []
    with untouched(desk.read):
        for function in ("replace", "rename"):
            real = getattr(os, function)
            monkeypatch.setattr(os, function, failing(1, real, errno.ENOSPC))
            done = desk(command, "out", *forced(command))
            monkeypatch.setattr(os, function, real)
            if done.code != 0:  # some rename folders, some files
                refused(done, "No space left")
            hidden = [name for name in content(desk.work) if name.split("/")[-1][0] == "."]
            assert hidden in ([], journal if done.code else [])


@pytest.mark.parametrize(
    "name",
    ["parity.json", "parity.html", "junit.xml", "parity.md", "images/photo.jpg", "raw/notes.txt",
     "explorer/mine.json", ".blazepalm-journal/thesis.tex", ".blazepalm-journal"],
)  # fmt: skip
def test_a_report_replaces_nothing_of_the_users(desk: Desk, name: str) -> None:
    (desk.work / name).parent.mkdir(exist_ok=True)
    (desk.work / name).write_bytes(MINE)
    with untouched(desk.work):
        for more in ((), ("--force",)):
            done = desk("parity images", ".", *more)
            refused(done, name.split("/")[0])
            assert "converting" not in done.err, "before the work"


@pytest.mark.parametrize("command", ["parity", "explorer"])
def test_a_folder_of_something_else_takes_no_report(desk: Desk, command: str) -> None:
    """Without `--force`, until a report is there; what systems leave in folders does not count."""
    (desk.work / "my thesis").mkdir()
    (desk.work / "out").mkdir()
    (desk.work / "out" / ".DS_Store").write_bytes(MINE)
    with untouched(desk.work):
        done = desk(command, ".")
        refused(done, "holds 'my thesis'")
        assert "--force" in done.err and "converting" not in done.err, "before the work"
    assert desk(command, "out").code == 0
    assert desk(command, ".", "--force").code == 0
    again = desk(command, ".")
    assert again.code == 0 if command == "parity" else "exists already" in again.err


def test_two_runs_in_one_folder(desk: Desk) -> None:
    with claim(desk.work / ".blazepalm-journal"), untouched(desk.work):
        done = desk("parity", ".")
        refused(done, "another process is writing it; wait for its end, or choose another -o")
        assert "journal" not in done.err
    assert content(desk.work) == {}


def test_a_folder_is_locked_until_its_report_is_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run that began between the last comparison and the report would mix with it."""
    save, tried = report_folder.save_report, []

    def meanwhile(*given: Any, **options: Any) -> list[Path]:
        with pytest.raises(ArtifactError, match="another process is writing it"):
            claim(desk.work / ".blazepalm-journal").__enter__()
        tried.append(True)
        return save(*given, **options)

    monkeypatch.setattr(report_folder, "save_report", meanwhile)
    assert desk("parity", ".").code == 0
    assert tried


@pytest.mark.parametrize("older", [False, True], ids=["nothing", "a report"])
def test_a_run_that_ends_before_its_report_is_there_goes_on(
    desk: Desk, tmp_path: Path, older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has written is still known as its own, by a run of other inputs, too; what the user
    adds meanwhile is not.
    """
    picture = tmp_path / "second.png"
    picture.write_bytes((desk.read / "photo.png").read_bytes())
    if older:
        assert desk("parity images", ".").code == 0

    def ends(*_: Any) -> list[Path]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(report_folder, "write_reports", ends)
        for more in ((), ("--images", picture)):
            assert desk("parity images", ".", *more).code == 130
    mine = desk.work / "images" / "holiday.jpg"
    mine.write_bytes(MINE)
    refused(desk("parity images", "."), "holds 'images/holiday.jpg'")
    mine.unlink()
    again = desk("parity images", ".")
    assert again.code == 0, again.err
    assert os.listdir(desk.work / "images") == ["photo.jpg"]
    assert not (desk.work / ".blazepalm-journal").exists()


def test_an_own_picture_among_the_reports(desk: Desk) -> None:
    assert desk("parity images", "out").code == 0
    (desk.work / "out" / "images" / "holiday.jpg").write_bytes(MINE)
    with untouched(desk.work):
        refused(desk("parity images", "out"), "holds 'images/holiday.jpg'")


def test_members_whose_names_differ_in_case_alone(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "cased.task"
    for one, other in (("Hand", "hand"), ("h\u00e4nd", "ha\u0308nd")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{one}.tflite", doubling())
            archive.writestr(f"{other}.tflite", doubling())
        refused(desk.run("convert", path, "-o", "out"), "two members would share a folder")
        assert content(desk.work) == {}


def test_a_bundle_is_written_as_a_whole(desk: Desk, monkeypatch: Patch) -> None:
    from blazepalm.converter import artifacts

    write = failing(2, artifacts.write_artifacts, errno.ENOSPC)
    monkeypatch.setattr(artifacts, "write_artifacts", write)
    refused(desk("bundle", "out"), "No space left")
    assert content(desk.work) == {}
