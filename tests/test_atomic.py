"""Whole files and folders: what is on the disk after a success, any failure, and a kill."""

import errno
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blazepalm import atomic
from blazepalm.atomic import atomic_file, atomic_folder, check_file, check_folder, part_of
from blazepalm.errors import ArtifactError

Patch = pytest.MonkeyPatch


def content(folder: Path) -> dict[str, Any]:
    """Everything below a folder: bytes of files, where links lead, None for folders."""
    return {
        str(p.relative_to(folder)): os.readlink(p)
        if p.is_symlink()
        else p.read_bytes()
        if p.is_file()
        else None
        for p in sorted(folder.rglob("*"))
    }


def listed(folder: Path) -> list[str]:
    """The files that `LIST` in a folder lists."""
    path = folder / "LIST"
    return ["LIST", *path.read_text().split()] if path.is_file() else []


def fill(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "LIST").write_text(" ".join(files))


def failing(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def on_call(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, except for one call that fails."""
    calls = 0

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        return failing() if calls == number else real(*arguments, **options)

    return call


def write(path: Path, text: str = "new", **options: Any) -> None:
    with atomic_file(path, **options) as temporary:
        temporary.write_text(text)


def replace(folder: Path, **options: Any) -> None:
    with atomic_folder(folder, owned=listed, **options) as temporary:
        fill(temporary, b="new")


def raising(error: BaseException, folder: Path) -> None:
    with atomic_folder(folder, owned=listed, force=True) as temporary:
        fill(temporary, b="new")
        raise error


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    with atomic_file(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".txt"
        assert not path.exists()
        temporary.write_text("x")
    assert content(path.parent) == {"a.txt": b"x"}
    write(path)
    assert content(path.parent) == {"a.txt": b"new"}
    with pytest.raises(ArtifactError, match="exists already"):
        write(path, "other", force=False)
    assert content(path.parent) == {"a.txt": b"new"}


@pytest.mark.parametrize("name", ["replace", "open", "mkdir"])
def test_a_file_that_cannot_be_written(tmp_path: Path, monkeypatch: Patch, name: str) -> None:
    (tmp_path / "a.txt").write_text("mine")
    monkeypatch.setattr(os, name, failing)
    target = tmp_path / "new" / "a.txt" if name == "mkdir" else tmp_path / "a.txt"
    with pytest.raises(ArtifactError, match="cannot be written: No space left"):
        write(target)
    monkeypatch.undo()
    assert content(tmp_path) == {"a.txt": b"mine"}


def test_a_real_limit_of_the_system(tmp_path: Path) -> None:
    """The system itself stops the process after this many bytes, as a full disk would."""
    resource = pytest.importorskip("resource")
    (tmp_path / "a.txt").write_text("mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ArtifactError, match="cannot be written: File too large"):
            write(tmp_path / "a.txt", "x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert content(tmp_path) == {"a.txt": b"mine"}


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "out", a="old")
    before = content(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt(), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt(), tmp_path / "not" / "there")
    assert content(tmp_path) == before


def test_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    replace(folder)
    assert content(folder.parent) == {"out": None, "out/LIST": b"b", "out/b": b"new"}
    with pytest.raises(ArtifactError, match="give --force"):
        replace(folder)
    fill(folder, a="old", b="old")
    (folder / ".DS_Store").write_text("litter")
    replace(folder, force=True)
    assert content(folder.parent) == {"out": None, "out/LIST": b"b", "out/b": b"new"}
    (tmp_path / "empty").mkdir()
    replace(tmp_path / "empty")
    assert set(content(tmp_path / "empty")) == {"LIST", "b"}


@pytest.mark.parametrize("other", ["thesis.tex", "notes/", "sub/a", "a/x"])
def test_a_file_of_others_is_named(tmp_path: Path, other: str) -> None:
    folder = tmp_path / "out"
    fill(folder, **({} if other == "a/x" else {"a": "old"}))
    path = folder / other
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if other.endswith("/") else path.write_text("years of work")
    before = content(tmp_path)
    first = other.split("/")[0]
    for force in (False, True):
        with pytest.raises(ArtifactError, match=f"holds '{first}'.* blazepalm did not write"):
            replace(folder, force=force)
        with pytest.raises(ArtifactError, match=f"holds '{first}'"):
            check_folder(folder, owned=listed, force=force)
    assert content(tmp_path) == before


def test_what_comes_while_the_work_runs_stays(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    fill(folder, a="old")

    def work(name: str, *, there: bool) -> None:
        with atomic_folder(tmp_path / name, owned=listed, force=there) as temporary:
            fill(temporary, b="new")
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "thesis.tex").write_text("years of work")

    for name, there in (("out", True), ("other", False)):
        with pytest.raises(ArtifactError, match=r"holds 'thesis\.tex'"):
            work(name, there=there)
        assert (tmp_path / name / "thesis.tex").read_text() == "years of work"
    assert (folder / "a").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]


def test_what_comes_at_the_last_moment_stays(tmp_path: Path, monkeypatch: Patch) -> None:
    """Between the last check and the rename: the folder is checked again, moved aside."""
    fill(tmp_path / "out", a="old")
    rename = os.rename

    def late(source: Path, target: Path) -> None:
        if str(target).endswith(".old"):
            (tmp_path / "out" / "thesis.tex").write_text("years of work")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(ArtifactError, match=r"holds 'thesis\.tex'"):
        replace(tmp_path / "out", force=True)
    assert set(content(tmp_path)) == {"out", "out/LIST", "out/a", "out/thesis.tex"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_rename_that_fails(tmp_path: Path, monkeypatch: Patch, number: int) -> None:
    fill(tmp_path / "out", a="old")
    before = content(tmp_path)
    monkeypatch.setattr(os, "rename", on_call(number, os.rename))
    with pytest.raises(ArtifactError, match="out: cannot be written: No space left"):
        replace(tmp_path / "out", force=True)
    assert content(tmp_path) == before


@pytest.mark.parametrize("place", [".", "..", "/", "sub/..", "", "{here}", "{above}"])
def test_the_folder_one_is_in(tmp_path: Path, monkeypatch: Patch, place: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    place = place.format(here=here, above=tmp_path)
    for force in (False, True):
        with pytest.raises(ArtifactError, match="is the current folder or one above it"):
            replace(Path(place), force=force)
        with pytest.raises(ArtifactError, match="is the current folder or one above it"):
            check_folder(Path(place), owned=listed, force=force)
    assert content(tmp_path) == {"here": None}


def test_links_and_other_kinds(tmp_path: Path) -> None:
    fill(tmp_path / "out", a="old")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "to-folder").symlink_to("out")
    (tmp_path / "to-file").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    names = sorted(os.listdir(tmp_path))
    for name, words in (
        ("out", "is a folder"),
        ("to-folder", "is a folder"),
        ("to-file", "is a link"),
        ("dangling", "is a link"),
        ("pipe", "not an ordinary file"),
        ("file/x", "is not a writable folder"),
        ("dangling/x", "is not a writable folder"),
        ("x" * 300, "File name too long"),
        ("nu\0ll", "null character"),
        (".", "is a folder"),
    ):
        with pytest.raises(ArtifactError, match=words):
            check_file(tmp_path / name, force=True)
        with pytest.raises((ArtifactError, ValueError)):
            write(tmp_path / name)
    for name in ("file", "to-folder", "to-file", "dangling", "pipe"):
        with pytest.raises(ArtifactError, match="is not a folder"):
            check_folder(tmp_path / name, owned=listed, force=True)
        with pytest.raises(ArtifactError, match="is not a folder"):
            replace(tmp_path / name, force=True)
    assert sorted(os.listdir(tmp_path)) == names and (tmp_path / "file").read_text() == "mine"
    assert os.readlink(tmp_path / "dangling") == "nowhere"


def test_where_one_may_not_look(tmp_path: Path, monkeypatch: Patch) -> None:
    """Permissions do not stop root, so the test simulates the system's refusal."""

    def denied(*_: object, **__: object) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    fill(tmp_path / "out", a="old")
    for name in ("lstat", "scandir"):
        monkeypatch.setattr(os, name, denied)
        with pytest.raises(ArtifactError, match="Permission denied"):
            check_folder(tmp_path / "out", owned=listed, force=True)
        monkeypatch.undo()
    monkeypatch.setattr(os, "lstat", denied)
    with pytest.raises(ArtifactError, match="Permission denied"):
        check_file(tmp_path / "x")


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "a.txt")
        with atomic_folder(tmp_path / "out") as temporary:
            (temporary / "private").touch(0o600)
            (temporary / "sub").mkdir(0o700)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / p).stat().st_mode) for p in ("a.txt", "out/private")]
    assert modes == [0o666 & ~mask] * 2
    modes = [stat.S_IMODE((tmp_path / p).stat().st_mode) for p in ("out", "out/sub")]
    assert modes == [0o777 & ~mask] * 2


def test_the_umask_is_never_touched(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(os, "umask", failing)
    write(tmp_path / "a.txt")
    replace(tmp_path / "out")


def test_inputs_by_what_they_are(tmp_path: Path) -> None:
    """On a disk that ignores case, two names may be one file."""
    photo, other = tmp_path / "Photo.JPG", tmp_path / "photo.jpg"
    photo.write_text("mine")
    os.link(photo, other)
    (tmp_path / "link.jpg").symlink_to(photo)
    (tmp_path / "there").symlink_to(tmp_path)
    for path in (photo, other, tmp_path / "link.jpg", tmp_path / "there" / "photo.jpg"):
        with pytest.raises(ArtifactError, match="is one of the inputs"):
            check_file(path, force=True, inputs=[photo])
    with pytest.raises(ArtifactError, match="is one of the inputs"):
        check_file(tmp_path / "new.jpg", inputs=[tmp_path])  # in a package that is read
    check_file(tmp_path / "new.jpg", inputs=[photo, tmp_path / "nothing"])


def test_a_disk_that_ignores_case(tmp_path: Path, monkeypatch: Patch) -> None:
    """Every look-up answers as on such a disk."""
    photo = tmp_path / "Photo.JPG"
    photo.write_text("mine")
    for name in ("stat", "lstat"):
        real = getattr(os, name)

        def look(path: Any, *rest: Any, real: Any = real, **options: Any) -> Any:
            there = str(path).casefold() == str(photo).casefold()
            return real(photo if there else path, *rest, **options)

        monkeypatch.setattr(os, name, look)
    with pytest.raises(ArtifactError, match="is one of the inputs"):
        check_file(tmp_path / "photo.jpg", force=True, inputs=[photo])


def hold(path: Path, kind: str, ready: Any) -> None:
    """Writes forever, in another process."""
    if kind == "file":
        with atomic_file(path) as temporary:
            temporary.write_text("half")
            ready.send(None)
            multiprocessing.Event().wait()
    with atomic_folder(path, owned=listed, force=True) as temporary:
        fill(temporary, b="half")
        ready.send(None)
        multiprocessing.Event().wait()


def killed_between(path: Path, ready: Any) -> None:
    """Is killed when the old folder is aside and the new one is not yet in place."""
    rename = os.rename

    def once(source: Path, target: Path) -> None:
        rename(source, target)
        ready.send(None)
        multiprocessing.Event().wait()

    os.rename = once  # type: ignore[assignment]
    replace(path, force=True)


def killed(work: Callable[..., None], *arguments: Any, during: Callable[[], None]) -> None:
    context = multiprocessing.get_context("fork")
    ready, theirs = context.Pipe()
    process = context.Process(target=work, args=(*arguments, theirs))
    process.start()
    try:
        assert ready.poll(20)
        during()
    finally:
        process.kill()
        process.join()


def test_a_second_writer_is_told_and_a_killed_one_cleared_away(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.txt", tmp_path / "out"
    path.write_text("mine")
    fill(folder, a="old")

    def during_file() -> None:
        for attempt in (lambda: write(path), lambda: check_file(path, force=True)):
            with pytest.raises(ArtifactError, match="another process is writing it"):
                attempt()

    def during_folder() -> None:
        for attempt in (
            lambda: replace(folder, force=True),
            lambda: check_folder(folder, owned=listed, force=True),
        ):
            with pytest.raises(ArtifactError, match="another process is writing it"):
                attempt()

    killed(hold, path, "file", during=during_file)
    killed(hold, folder, "folder", during=during_folder)
    assert len(os.listdir(tmp_path)) == 2 + 4  # a lock and a temporary of each
    assert (path.read_text(), (folder / "a").read_text()) == ("mine", "old")
    write(path)
    replace(folder, force=True)
    assert content(tmp_path) == {
        "a.txt": b"new",
        "out": None,
        "out/LIST": b"b",
        "out/b": b"new",
    }


def test_the_old_folder_of_a_killed_run_is_put_back(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    fill(folder, a="old")
    killed(killed_between, folder, during=lambda: None)
    assert not folder.exists()
    check_folder(folder, owned=listed, force=True)
    assert content(tmp_path) == {"out": None, "out/LIST": b"a", "out/a": b"old"}


def test_a_lock_file_names_nothing_but_ours(tmp_path: Path) -> None:
    """Whoever wrote the lock file, only names in the form of that target's temporaries
    are deleted.
    """
    path = tmp_path / "a.txt"
    precious = [tmp_path / "precious", part_of(tmp_path / "b.txt", "-0123456789abcdef")]
    for one in precious:
        one.write_text("mine")
    names = ("precious", precious[1].name, "../x", ".", "", "/etc", f"{part_of(path, '-').name}*")
    part_of(path, ".lock").write_text("\n".join(names))
    write(path)
    assert sorted(os.listdir(tmp_path)) == sorted(["a.txt", *(p.name for p in precious)])


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: Patch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    write(tmp_path / "a.txt")
    replace(tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "out"]


def test_nothing_else_writes() -> None:
    """No other module deletes folders or renames files into place."""
    root = Path(atomic.__file__).parents[2]
    found = {
        path.relative_to(root).parts[0:3]
        for part in (
            "blazepalm/cli",
            "blazepalm/atomic",
            *["converter", "golden", "models", "reports"],
        )
        for path in (root / part).rglob("*.py")
        if any(
            word in path.read_text("utf-8")
            for word in ("rmtree(", "os.rename(", "os.umask(", "mkdtemp(", ".rename(")
        )
    }
    assert found == {("blazepalm", "atomic", "__init__.py"), ("blazepalm", "atomic", "claim.py")}
