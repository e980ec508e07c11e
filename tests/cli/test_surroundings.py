"""What surrounds a command: paths that no disk can hold, signals, names that a terminal obeys."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import blazepalm as package
from blazepalm.cli import console
from blazepalm.errors import BlazePalmError
from support.cli import Cli
from support.models import ROOT

LONG = "n" * 300  # more bytes than a file system takes in one name

READING = (  # every command that reads a path
    ("inspect", LONG),
    ("convert", LONG),
    ("verify", LONG),
    ("export", LONG, "-o", "folder"),
    ("anchors", "palm-full", "--check", LONG),
    ("golden", "make", "-o", "g", "--only", "hard-white", "--images", LONG),
    ("golden", "make", "-o", LONG, "--only", "hard-white"),
    ("golden", "record", LONG),
    ("golden", "check", LONG),
    ("golden", "export-ios", "--golden", LONG, "-o", "ios"),
    ("parity", "palm-full", "--golden", LONG, "--inputs", "2", "--no-coreml"),
    ("parity", "palm-full", "--no-golden", "--images", LONG, "--no-coreml"),
    ("report", "recheck", LONG),
    ("report", "diff", LONG, LONG),
    ("report", "render", LONG, "--html", "x.html"),
    ("run", LONG),
    ("detect", LONG),
    ("ios", "ingest", LONG),
    ("bench", "ingest", LONG),
    ("releases", "fetch", "palm-full", "-o", LONG),
)


@pytest.mark.parametrize("words", READING, ids=lambda words: " ".join(words).replace(LONG, "LONG"))
def test_a_name_too_long_is_one_sentence(
    blazepalm: Cli, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = blazepalm(*words)
    assert result.code == 2
    assert LONG[:80] in result.err.replace("\n", "")
    assert result.err.count("error: ") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_searched(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refused)  # the superuser may search every folder
    result = blazepalm("report", "recheck", tmp_path)
    assert (result.code, result.err) == (2, f"error: {tmp_path}: Permission denied\n")


def test_python_gets_our_own_error_for_a_name_too_long() -> None:
    with pytest.raises(BlazePalmError, match="File name too long"):
        package.verify(LONG)


def test_a_newline_in_a_name_makes_no_line_of_its_own(blazepalm: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a\nerror: all is well\x1b[31m"
    path.write_bytes(b"no model")
    result = blazepalm("inspect", path)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "a\\nerror: all is well\\x1b[31m" in result.err


def test_json_holds_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"name": "a\x9b31m\u202eb\u2028c\U000e0001é\ud800"}
    console.emit_json(values)
    text = capsys.readouterr().out
    assert all(line.isprintable() for line in text.splitlines())
    assert json.loads(text) == values
    assert "é" in text


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signals on this system")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_in_order(tmp_path: Path, name: str) -> None:
    """The command waits inside `atomic_file`, so something half written is there when it ends."""
    code = (
        f"import signal; signal.signal(signal.{name}, signal.SIG_DFL)\n"  # ignored under nohup
        "import sys, time; from pathlib import Path; from blazepalm.cli import app\n"
        "from blazepalm.atomic import atomic_file\n"
        "def wait(arguments):\n"
        "    def run(arguments, prog_name):\n"
        "        with atomic_file(Path(sys.argv[1])) as part:\n"
        "            print('ready', flush=True); time.sleep(60)\n"
        "    return run\n"
        "app.command = wait\n"
        "sys.exit(app.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out.txt")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    number = getattr(signal, name)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + number, f"error: ended by {name}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal on this system")
def test_workers_end_when_their_parent_is_killed() -> None:
    code = (
        "import time; from blazepalm.golden.processes import map_in_processes\n"
        "if __name__ == '__main__':\n"
        "    for x in map_in_processes(time.sleep, [0, 0, 600, 600], jobs=2, few=1):\n"
        "        print('ready', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    started = time.monotonic()
    process.stdout.read()  # ends with the last process that holds it
    assert time.monotonic() - started < 20
    process.stdout.close()
    process.wait()
