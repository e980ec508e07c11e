"""`python -m fuzz.crashes [--n N] [--seed S] [--signal KILL,INT,TERM]`: ends commands that write.
Every second one ends at a random moment, the others just after they changed something on the disk.
Each is a fork of one process that has imported the libraries.
After each, what is there under the final name is whole, or nothing is; no process lives on; SIGINT
and SIGTERM leave no temporary, no traceback, and their exit codes. After the next run, which must
succeed, the bytes are those of a run that nobody ended, and no temporary is left.
"""

import argparse
import atexit
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random

from blazepalm.converter.coreml.quiet import import_coremltools
from fuzz.tables import CODES, Tallies
from support.whole_file import write_whole

BLAZEPALM = [sys.executable, "-m", "blazepalm"]
FAULTS = ("half written", "input changed", "next fails", "other", "litter", "left over", "exit",
          "traceback", "lives on")  # fmt: skip
OUTCOMES = ("kills", "whole", "nothing", *FAULTS)
HEAD = """# Killed commands

What becomes of commands that are ended; `make crashes` made this table. Every second one is ended
at a random moment, the others just after they changed something on the disk. SIGINT goes to all
processes of the command, as from a terminal; the others to its first. *Whole*: the output was
there, complete; *nothing*: it was not there. After each, the next run succeeded, wrote what an
undisturbed run writes, and left no temporary. The other columns count faults: a file *half
written*; an *input changed*; the *next* run *fails*, writes *other* bytes, or leaves *litter*; a
temporary *left over* by SIGINT or SIGTERM; another *exit* code than the signal's; a *traceback*; a
process that *lives on* after ten seconds. `parity -o` writes file by file,
`golden make` its contact sheet after the set; `detect --video` ends at SIGINT with a video of the
frames so far, which counts as whole if it can be read.

"""
# what may end the process: the end of its work, our handler, or the signal before Python has one
EXITS = {"KILL": (0, -9), "INT": (0, 130, -2), "TERM": (0, 143, -15)}
SAID = "said.txt"
# imported once, since a command takes longer to import them than to do its work
LIBRARIES = ("torch", "cv2", "PIL.Image", "ai_edge_litert.interpreter",
             "blazepalm.cli.app")  # fmt: skip
PATIENCE = 10.0  # seconds in which a command's other processes must end
TIMED = ("timing", "machine", "resumed")  # parts of a report that differ from run to run


@dataclass(frozen=True)
class Command:
    """`words(inputs, place)` is the command line; `output` what it writes in `place`, if anything;
    `late`, a pattern, which files are written one by one after the others; `shorter`, whether
    Ctrl-C ends it with a video of the frames so far.
    """

    words: Callable[[Path, Path], list[str]]
    output: str
    late: str = ""
    shorter: bool = False


COMMANDS = {
    "convert": Command(
        lambda read, place: ["convert", f"{read}/m.tflite", "--no-coreml", "-o", f"{place}/out"],
        "out",
    ),
    "golden make": Command(
        lambda _, place: ["golden", "make", "-o", f"{place}/out", "--only", "hard-white"],
        "out",
        late="sheet.png",
    ),
    "parity -o": Command(
        lambda read, place: [
            *("parity", f"{read}/m.tflite", "--no-golden", "--inputs", "2", "--no-coreml"),
            *("--images", f"{read}/p.png", "-o", f"{place}/out"),
        ],
        "out",
        late=".*",
    ),
    "detect --draw": Command(
        lambda read, place: ["detect", f"{read}/p.png", "--draw", f"{place}/out.png"], "out.png"
    ),
    "detect --video": Command(
        lambda read, place: ["detect", f"{read}/clip.mp4", "--video", f"{place}/out.mp4"],
        "out.mp4",
        shorter=True,
    ),
    "report render": Command(
        lambda read, place: ["report", "render", f"{read}/parity.json", "--html",
                             f"{place}/out.html"],
        "out.html",
    ),
    "releases fetch": Command(
        lambda _, place: ["releases", "fetch", "palm-full", "-o", f"{place}/out.tflite"],
        "out.tflite",
    ),
    "golden export-ios": Command(
        lambda _, place: ["golden", "export-ios", "--models", "palm-lite", "--cases", "hard-white",
                          "-o", f"{place}/out"],
        "out",
    ),
    "ios ingest": Command(  # reads only
        lambda read, _: ["ios", "ingest", f"{read}/phone", "--fixtures", f"{read}/phone/Fixtures"],
        "out",
    ),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="crashes")
    parser.add_argument("--n", type=int, default=200, help="kills of each command and signal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", action="append", choices=COMMANDS)
    parser.add_argument("--signal", default="KILL", help="KILL, INT, TERM, or several with commas")
    parser.add_argument(
        "--tally",
        type=Path,
        help="JSON of earlier runs, which this one continues up to --n; what the commands said at "
        "each fault goes to a file beside it, with the suffix .faults",
    )
    parser.add_argument("--table", type=Path, help="Markdown that the table is written to, too")
    given = parser.parse_args()
    signals = given.signal.split(",")
    if unknown := [name for name in signals if name not in EXITS]:
        parser.error(f"unknown signal {unknown[0]!r}; choose from {', '.join(EXITS)}")
    tallies = Tallies(("command", "signal"), OUTCOMES, given.tally)
    import_coremltools()
    for library in LIBRARIES:
        import_module(library)
    top = Path(tempfile.mkdtemp())  # a TemporaryDirectory would be deleted by every fork's end
    try:
        read = inputs(top / "read")
        for name in given.command or COMMANDS:
            for ended_by in signals:
                row = (name, ended_by)
                done = tallies.counts.get(row, Counter())["kills"]
                numbers = range(done, given.n)
                for found, said in kills(name, read, top, numbers, given.seed, ended_by):
                    tallies.add(row, found)
                    if any(found[what] for what in FAULTS):
                        keep(given.tally, row, found, said)
    finally:
        shutil.rmtree(top)
    if given.table:
        write_whole(given.table, HEAD + tallies.table())
    return int(any(tallies.counts[row][what] for row in tallies.counts for what in FAULTS))


def inputs(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    from support import device_results, report_samples
    from support.clips import write_clip
    from support.records import many_operators

    folder.mkdir()
    (folder / "m.tflite").write_bytes(many_operators())
    report_samples.write(report_samples.passing(), folder / "parity.json")
    Image.new("RGB", (64, 64), "white").save(folder / "p.png")
    write_clip(folder / "clip.mp4", [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(6)])
    device_results.write(folder / "phone")
    return folder


def keep(tally: Path | None, row: tuple[str, str], found: Counter[str], said: str) -> None:
    """Prints what the command, and the run after it, said at a fault; keeps it beside the tally."""
    told = f"{' '.join(row)}: {dict(+found)}\n{said}\n"
    print(told, flush=True)
    if tally is not None:
        with tally.with_suffix(".faults").open("a", encoding="utf-8") as file:
            file.write(told)


def kills(
    name: str, read: Path, top: Path, numbers: range, seed: int, ended_by: str
) -> Iterator[tuple[Counter[str], str]]:
    """Ends a command once for each number; what became of it, and what was said."""
    if not numbers:
        return
    command = COMMANDS[name]
    place = empty(top / "place")
    words = command.words(read, place)
    began = time.monotonic()
    whole = start(words, top)
    steps = watch(whole, place)
    whole.join()
    assert whole.exitcode == 0, f"{name}: {(top / SAID).read_text('utf-8')}"
    seconds = time.monotonic() - began
    sound, given = content(place / command.output), content(read)
    for number in numbers:
        found: Counter[str] = Counter()
        random = Random(f"{name} {seed} {number}")
        empty(place)
        own_surroundings(top)
        process = start(words, top)
        if number % 2 and steps:
            watch(process, place, random.randint(1, steps))
        else:
            process.join(random.uniform(0.0, seconds))
        end(process, ended_by)
        process.join()
        found["lives on"] += not dies(process.pid)
        said = (top / SAID).read_bytes()
        # before a line of the command line is run, Python tells of SIGINT in its own way
        early = ended_by == "INT" and b"Traceback" in said and b"blazepalm/cli" not in said
        found["kills"] += 1
        found[CODES + ("before the start" if early else str(process.exitcode))] += 1
        found["exit"] += not early and process.exitcode not in EXITS[ended_by]
        found["traceback"] += not early and b"Traceback" in said
        over = [] if ended_by == "KILL" else [*litter(place), *(top / "temporary").rglob("*")]
        found["left over"] += bool(over)
        found["input changed"] += content(read) != given
        left = content(place / command.output)
        shorter = ended_by == "INT" and command.shorter and has_frames(place / command.output)
        if left and (shorter or is_whole(left, sound, command)):
            found["whole"] += 1
        else:
            found["half written" if left else "nothing"] += 1
        if left == sound or shorter:
            empty(place)
        again = start(words, top)
        again.join()
        found["next fails"] += again.exitcode != 0
        found["other"] += content(place / command.output) != sound
        found["litter"] += any(place.rglob(".blazepalm-*"))
        told = f"kill {number}, seed {seed}; there: {sorted(left)}; left over: {over}"
        texts = (told.encode(), said, b"The next run:", (top / SAID).read_bytes())
        yield found, b"\n".join(texts).decode(errors="replace")


def start(words: list[str], top: Path) -> ForkProcess:
    """Begins a command in a fork of this process, which has imported the libraries. No signal
    reaches it before what it says goes to its own file.
    """
    (top / SAID).write_bytes(b"")
    process = get_context("fork").Process(target=_run, args=(words, top))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def _run(words: list[str], top: Path) -> None:
    os.setsid()
    for number, path in ((1, Path(os.devnull)), (2, top / SAID)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    os.environ.update(folders(top))
    tempfile.tempdir = None  # where it was before
    sys.argv = ["blazepalm", *words]
    from blazepalm.__main__ import main

    code = main()
    atexit._run_exitfuncs()
    os._exit(code)


def folders(top: Path) -> dict[str, str]:
    return {"BLAZEPALM_CACHE": f"{top}/cache", "TMPDIR": f"{top}/temporary"}


def own_surroundings(top: Path) -> dict[str, str]:
    """The environment, with an empty cache and an empty folder for temporary files."""
    for folder in folders(top).values():
        empty(Path(folder))
    return {**os.environ, **folders(top)}


def watch(process: ForkProcess, place: Path, steps: int = 0) -> int:
    """Waits until a process ends, or has changed something in `place` so many times; the changes
    seen.
    """
    seen, before = 0, look(place)
    while process.is_alive() and (not steps or seen < steps):
        time.sleep(0.001)
        now = look(place)
        seen, before = seen + (now != before), now
    return seen


def look(place: Path) -> list[tuple[str, int]]:
    found = []
    for folder, _, names in os.walk(place):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            with suppress(OSError):
                found.append((path, os.lstat(path).st_size))
    return found


def end(process: ForkProcess, ended_by: str) -> None:
    """Sends the signal: SIGINT to the whole group, as a terminal does."""
    number = getattr(signal, f"SIG{ended_by}")
    assert process.pid
    if process.is_alive():
        try:
            (os.killpg if ended_by == "INT" else os.kill)(process.pid, number)
        except ProcessLookupError:  # no group yet
            os.kill(process.pid, number)


def dies(group: int | None) -> bool:
    """Whether no process of the group lives on; ends what does."""
    assert group
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True)
        found = [line.split() for line in listed.stdout.splitlines()]
        if not any(pgid == str(group) and not stat.startswith("Z") for pgid, stat in found):
            return True
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return False


def has_frames(video: Path) -> bool:
    import cv2

    return bool(cv2.VideoCapture(str(video)).read()[0])


def is_whole(left: dict[str, str], sound: dict[str, str], command: Command) -> bool:
    """Whether no file is damaged, and none is missing but those that are written later."""
    first = {name: sha for name, sha in sound.items() if not re.fullmatch(command.late, name)}
    return first.items() <= left.items() <= sound.items()


def litter(place: Path) -> list[Path]:
    """The temporaries that are there; parity's journal is kept for the next run."""
    return [path for path in place.rglob(".blazepalm-*") if ".blazepalm-journal" not in path.parts]


def content(path: Path) -> dict[str, str]:
    """The hash of every file under a path that is not a temporary or in one."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {
        str(file.relative_to(path)): hashlib.sha256(_lasting(file)).hexdigest()
        for file in files
        if not any(part.startswith(".blazepalm-") for part in file.relative_to(path.parent).parts)
    }


def _lasting(file: Path) -> bytes:
    """A file's bytes without what differs from run to run by its nature."""
    if file.name == "parity.json":
        values = json.loads(file.read_text("utf-8"))
        return json.dumps({k: v for k, v in values.items() if k not in TIMED}).encode()
    if file.name in ("parity.html", "junit.xml"):
        return file.read_bytes()[-8:]  # whole if its last element is closed
    return b"" if file.name == "parity.md" else file.read_bytes()


def empty(place: Path) -> Path:
    """The folder, made anew."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


if __name__ == "__main__":
    sys.exit(main())
