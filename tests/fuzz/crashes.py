"""`python -m fuzz.crashes [--n N] [--seed S] [--signal KILL|INT|TERM]`: ends commands that write at
random moments. After each, what is there under the final name is whole, or nothing is; SIGINT and
SIGTERM leave no temporary, no traceback, and their exit codes. After the next run, which must
succeed, the bytes are those of a run that nobody ended, and no temporary is left.
"""

import argparse
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

BLAZEPALM = [sys.executable, "-m", "blazepalm"]
FAULTS = ("half written", "next fails", "other", "litter", "left over", "exit", "traceback")
# what may end the process: the end of its work, our handler, or the signal before Python has one
EXITS = {"KILL": (0, -9), "INT": (0, 130, -2), "TERM": (0, 143, -15)}
TIMED = ("timing", "machine", "resumed")  # parts of a report that differ from run to run


@dataclass(frozen=True)
class Command:
    """`words(inputs, place)` is the command line; `output` what it writes in `place`, if anything;
    `rarely`: it takes so long that only every so many kills are made.
    """

    words: Callable[[Path, Path], list[str]]
    output: str
    rarely: int = 1


COMMANDS = {
    "convert": Command(
        lambda read, place: ["convert", f"{read}/m.tflite", "--no-coreml", "-o", f"{place}/out"],
        "out",
    ),
    "golden make": Command(
        lambda _, place: ["golden", "make", "-o", f"{place}/out", "--only", "hard-white"], "out"
    ),
    "parity -o": Command(
        lambda read, place: [
            *("parity", f"{read}/m.tflite", "--no-golden", "--inputs", "3", "--no-coreml"),
            *("-o", f"{place}/out"),
        ],
        "out",
    ),
    "detect --draw": Command(
        lambda read, place: ["detect", f"{read}/p.png", "--draw", f"{place}/out.png"], "out.png"
    ),
    "detect --video": Command(
        lambda read, place: ["detect", f"{read}/clip.mp4", "--video", f"{place}/out.mp4"], "out.mp4"
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
        lambda _, place: ["golden", "export-ios", "--models", "hand-lite", "--cases", "hard-white",
                          "-o", f"{place}/out"],
        "out",
        rarely=5,
    ),
    "ios ingest": Command(  # reads only
        lambda read, _: ["ios", "ingest", f"{read}/phone", "--fixtures", f"{read}/phone/Fixtures"],
        "out",
    ),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="crashes")
    parser.add_argument("--n", type=int, default=200, help="kills of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS)
    parser.add_argument("--signal", choices=EXITS, default="KILL")
    given = parser.parse_args()
    columns = ("command", given.signal, "whole", "nothing", *FAULTS, "exit codes")
    print(f"| {' | '.join(columns)} |")
    print("|" + "---|" * len(columns))
    bad = 0
    with tempfile.TemporaryDirectory() as top:
        read = inputs(Path(top) / "read")
        for name in [given.command] if given.command else COMMANDS:
            count = -(-given.n // COMMANDS[name].rarely)
            found = kills(name, COMMANDS[name], read, Path(top), count, given.seed, given.signal)
            faults = [found[what] for what in FAULTS]
            codes = sorted(what for what in found if isinstance(what, int))
            told = ", ".join(f"{code}: {found[code]}" for code in codes)
            cells = [name, count, found["whole"], found["nothing"], *faults, told]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
            bad += sum(faults)
    return int(bad > 0)


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


def kills(
    name: str, command: Command, read: Path, top: Path, count: int, seed: int, ended_by: str
) -> Counter[str | int]:
    place = top / name.replace(" ", "-")
    place.mkdir()
    began = time.monotonic()
    subprocess.run(BLAZEPALM + command.words(read, place), capture_output=True, check=True)
    seconds = time.monotonic() - began
    sound = content(place / command.output)
    found: Counter[str | int] = Counter()
    for number in range(count):
        random = Random(f"{name} {seed} {number}")
        empty(place)
        process = subprocess.Popen(
            BLAZEPALM + command.words(read, place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            process.wait(random.uniform(0.0, seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(getattr(signal, f"SIG{ended_by}"))
        said = process.communicate()[1]
        found[process.returncode] += 1
        found["exit"] += process.returncode not in EXITS[ended_by]
        found["traceback"] += b"Traceback" in said
        if ended_by != "KILL":
            found["left over"] += litter(place)
        left = content(place / command.output)
        # parity writes into its folder file by file, each of them whole
        if left and (left == sound or name == "parity -o"):
            found["whole"] += 1
        else:
            found["half written" if left else "nothing"] += 1
        if left == sound:
            empty(place)
        again = subprocess.run(
            BLAZEPALM + command.words(read, place), capture_output=True, check=False
        )
        found["next fails"] += again.returncode != 0
        found["other"] += content(place / command.output) != sound
        found["litter"] += litter(place) or any(place.rglob(".blazepalm-*"))
    return found


def litter(place: Path) -> bool:
    """Whether a temporary is there; parity's journal is kept for the next run."""
    return any(".blazepalm-journal" not in path.parts for path in place.rglob(".blazepalm-*"))


def content(path: Path) -> dict[str, str]:
    """The hash of every file under a path."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {
        str(file.relative_to(path)): hashlib.sha256(_lasting(file)).hexdigest()
        for file in files
        if not file.name.startswith(".blazepalm-") and ".blazepalm-journal" not in file.parts
    }


def _lasting(file: Path) -> bytes:
    """A file's bytes without what differs from run to run by its nature."""
    if file.name == "parity.json":
        values = json.loads(file.read_text("utf-8"))
        return json.dumps({k: v for k, v in values.items() if k not in TIMED}).encode()
    return b"" if file.name in ("parity.html", "parity.md", "junit.xml") else file.read_bytes()


def empty(place: Path) -> None:
    import shutil

    shutil.rmtree(place)
    place.mkdir()


if __name__ == "__main__":
    sys.exit(main())
