"""SIGTERM, SIGHUP and Ctrl-C end the process wherever they find it, without a traceback."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

# a command with a folder of its own for temporary files, with its times shortened
SCRIPT = """
import atexit, os, signal, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import blazepalm.atomic.claim
from blazepalm.atomic import atomic_folder, claim
claims = sys.modules["blazepalm.atomic.claim"]  # the package's own `claim` is the function
from blazepalm.cli import app, ending

ending.AGAIN, ending.EVERY, ending.AT_LAST = 0.1, 0.1, {last}
SIGNAL, FOLDER = signal.{signal}, Path({folder!r})
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup

def work():
{work}

def command(arguments, prog_name):
    with tempfile.TemporaryDirectory(dir=FOLDER):
        work()

app.command = lambda arguments: command
sys.argv = ["blazepalm", "convert"]
from blazepalm.__main__ import main
sys.exit(main())
"""

LOST = """
    class Deletes:
        def __del__(self):
            signal.raise_signal(SIGNAL)
    Deletes()
    time.sleep(60)
"""
SWALLOWED = """
    try:
        signal.raise_signal(SIGNAL)
    except BaseException:
        time.sleep(60)
"""
BECAME_ANOTHER = """
    try:
        signal.raise_signal(SIGNAL)
    except BaseException as error:
        raise OSError("of the end") from error
"""
THREADS_AT_WORK = """
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 60)
        signal.raise_signal(SIGNAL)
"""
THREAD_FAILS = """
    came = threading.Event()
    def fails():
        came.wait(30)
        raise OSError("its pipe is gone")
    thread = threading.Thread(target=fails)
    thread.start()
    try:
        signal.raise_signal(SIGNAL)
    finally:
        came.set()
        thread.join()
"""
TWICE = """
    try:
        signal.raise_signal(SIGNAL)
    finally:
        signal.raise_signal(SIGNAL)
        print("put back", file=sys.stderr)
"""
NEW_LOCK = """
    opened = os.open
    def open_and_signal(*given):
        os.open = opened
        number = opened(*given)
        signal.raise_signal(SIGNAL)
        return number
    os.open = open_and_signal
    with claim(FOLDER / "x"):
        print("goes on", file=sys.stderr)
"""
OLD_LOCK = """
    released = claims._release
    def signal_and_release(*given):
        claims._release = released
        signal.raise_signal(SIGNAL)
    claims._release = signal_and_release
    with claim(FOLDER / "x"):
        pass
"""
MOVED_ASIDE = """
    (FOLDER / "x").mkdir()
    (FOLDER / "x" / "old").touch()
    rename = os.rename
    def rename_and_signal(*given):
        rename(*given)
        signal.raise_signal(SIGNAL)
    os.rename = rename_and_signal
    try:
        with atomic_folder(FOLDER / "x", owned=lambda _: ["old"], force=True) as made:
            (made / "new").touch()
    finally:
        print(os.listdir(FOLDER / "x"), file=sys.stderr)
        (FOLDER / "x" / "new").unlink()
        (FOLDER / "x").rmdir()
"""
AT_EXIT = """
    atexit.register(signal.raise_signal, SIGNAL)
"""
DEAF = """
    while True:
        try:
            signal.raise_signal(SIGNAL)
            time.sleep(60)
        except BaseException:
            pass
"""
TERM = "error: ended by SIGTERM\n"
# the work, the signal, exit code and what is said, and whether a temporary folder may be left
CASES = {
    "lost": (LOST, "SIGTERM", 143, TERM, False),
    "lost by Ctrl-C": (LOST, "SIGINT", 130, "error: interrupted\n", False),
    "swallowed": (SWALLOWED, "SIGTERM", 143, TERM, False),
    "became another": (BECAME_ANOTHER, "SIGHUP", 129, "error: ended by SIGHUP\n", False),
    "threads at work": (THREADS_AT_WORK, "SIGTERM", 143, TERM, False),
    "thread fails": (THREAD_FAILS, "SIGTERM", 143, TERM, False),
    "twice": (TWICE, "SIGTERM", 143, f"put back\n{TERM}", False),
    "new lock": (NEW_LOCK, "SIGTERM", 143, TERM, False),
    "old lock": (OLD_LOCK, "SIGTERM", 143, TERM, False),
    "moved aside": (MOVED_ASIDE, "SIGTERM", 143, f"['new']\n{TERM}", False),
    "at exit": (AT_EXIT, "SIGTERM", 0, "", False),
    "deaf": (DEAF, "SIGTERM", 143, TERM, True),
}  # fmt: skip

Begun = tuple["subprocess.Popen[str]", Path]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Begun]]:
    """All cases at the same time, each with a folder for its temporary ones."""
    found = {}
    for name, (work, number, *_) in CASES.items():
        folder = tmp_path_factory.mktemp("ending")
        last = 0.5 if work in (THREADS_AT_WORK, DEAF) else 30.0
        script = SCRIPT.format(last=last, signal=number, work=work, folder=str(folder))
        words = [sys.executable, "-c", script]
        found[name] = subprocess.Popen(words, stderr=subprocess.PIPE, text=True), folder
    yield found
    for process, _ in found.values():
        process.kill()


@pytest.mark.parametrize("name", CASES)
def test_a_signal_ends_the_process(name: str, begun: dict[str, Begun]) -> None:
    _, _, code, said, may_leave = CASES[name]
    process, folder = begun[name]
    _, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (code, said)
    assert may_leave or not list(folder.iterdir())
