"""`python -m fuzz.crashes [--n N] [--seed S]`: kills commands that write with SIGKILL at random
moments. After each kill, what is there under the final name is whole, or nothing is; after the
next run, which must succeed, the bytes are those of a run that nobody killed, and no temporary
is left.
"""

import argparse
import hashlib
import json
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
TIMED = ("timing", "machine", "resumed")  # parts of a report that differ from run to run


@dataclass(frozen=True)
class Command:
    """`words(inputs, place)` is the command line; `output` what it writes in `place`."""

    words: Callable[[Path, Path], list[str]]
    output: str


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
    "report render": Command(
        lambda read, place: ["report", "render", f"{read}/parity.json", "--html",
                             f"{place}/out.html"],
        "out.html",
    ),
    "releases fetch": Command(
        lambda _, place: ["releases", "fetch", "palm-full", "-o", f"{place}/out.tflite"],
        "out.tflite",
    ),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="crashes")
    parser.add_argument("--n", type=int, default=200, help="kills of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS)
    given = parser.parse_args()
    print("| command | kills | whole | nothing | half written | next fails | other | litter |")
    print("|" + "---|" * 8)
    bad = 0
    with tempfile.TemporaryDirectory() as top:
        read = inputs(Path(top) / "read")
        for name in [given.command] if given.command else COMMANDS:
            found = kills(name, COMMANDS[name], read, Path(top), given.n, given.seed)
            faults = [found[what] for what in ("half", "fails", "other", "litter")]
            cells = [name, given.n, found["whole"], found["nothing"], *faults]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
            bad += sum(faults)
    return int(bad > 0)


def inputs(folder: Path) -> Path:
    from PIL import Image

    from support import report_samples
    from support.records import many_operators

    folder.mkdir()
    (folder / "m.tflite").write_bytes(many_operators())
    report_samples.write(report_samples.passing(), folder / "parity.json")
    Image.new("RGB", (64, 64), "white").save(folder / "p.png")
    return folder


def kills(
    name: str, command: Command, read: Path, top: Path, count: int, seed: int
) -> Counter[str]:
    place = top / name.replace(" ", "-")
    place.mkdir()
    began = time.monotonic()
    subprocess.run(BLAZEPALM + command.words(read, place), capture_output=True, check=True)
    seconds = time.monotonic() - began
    sound = content(place / command.output)
    found: Counter[str] = Counter()
    for number in range(count):
        random = Random(f"{name} {seed} {number}")
        empty(place)
        process = subprocess.Popen(
            BLAZEPALM + command.words(read, place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(random.uniform(0.0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        left = content(place / command.output)
        # parity writes into its folder file by file, each of them whole
        if left and (left == sound or name == "parity -o"):
            found["whole"] += 1
        else:
            found["half" if left else "nothing"] += 1
        if left == sound:
            empty(place)
        again = subprocess.run(
            BLAZEPALM + command.words(read, place), capture_output=True, check=False
        )
        found["fails"] += again.returncode != 0
        found["other"] += content(place / command.output) != sound
        found["litter"] += any(place.rglob(".blazepalm-*"))
    return found


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
