"""`python -m fuzz.disks [--command NAME]`: runs every command that writes on disks of its own that
are too small for it, from a page to what it needs, with nothing there and with an older output.
Each run must say so in one sentence with exit code 2, leave the older output as it was, and leave
nothing else. Linux, by a user who may mount a tmpfs.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fuzz.crashes import BLAZEPALM, COMMANDS, Command, content, inputs

FAULTS = ("half written", "no sentence", "old lost", "litter")
PAGE = 4096
FORCED = ("convert", "golden export-ios", "detect --draw", "detect --video", "report render",
          "releases fetch")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="disks")
    parser.add_argument("--command", choices=COMMANDS)
    given = parser.parse_args()
    columns = ("command", "disks", "refused", "whole", *FAULTS)
    print(f"| {' | '.join(columns)} |")
    print("|" + "---|" * len(columns))
    bad = 0
    with tempfile.TemporaryDirectory() as top:
        read = inputs(Path(top) / "read")
        for name in [given.command] if given.command else COMMANDS:
            if name == "ios ingest":
                continue  # reads only
            found = fill(name, COMMANDS[name], read, Path(top))
            cells = [name, *(found[column] for column in columns[1:])]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
            bad += sum(found[what] for what in FAULTS)
    return int(bad > 0)


def fill(name: str, command: Command, read: Path, top: Path) -> Counter[str]:
    """The outcomes on disks of one page, four, sixteen, … until one is large enough, twice."""
    found: Counter[str] = Counter()
    place = top / name.replace(" ", "-")
    place.mkdir()
    words = BLAZEPALM + command.words(read, place)
    for older in (False, True) if name in FORCED else (False,):
        pages, enough = 1, False
        while not enough:
            with disk(place, pages * PAGE):
                if older and not _fits(place, command):
                    pages *= 4
                    continue
                before = content(place)
                again = [*words, "--force"] if older else words
                done = subprocess.run(again, capture_output=True, text=True, check=False)
                enough = done.returncode == 0
                found["disks"] += 1
                found["whole" if enough else "refused"] += 1
                if not enough:
                    left = content(place)
                    kept = left == before or name == "parity -o"  # it writes file by file
                    found["old lost" if older else "half written"] += not kept
                    said = done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr
                    found["no sentence"] += done.returncode != 2 or not said
                found["litter"] += any(
                    ".blazepalm-journal" not in path.parts for path in place.rglob(".blazepalm-*")
                )
            pages *= 4
    return found


def _fits(place: Path, command: Command) -> bool:
    """Puts a small older output there, which `--force` may replace."""
    target = place / command.output
    try:
        if target.suffix:
            target.write_bytes(b"old")
        else:
            target.mkdir()
    except OSError:
        return False
    return True


@contextmanager
def disk(place: Path, size: int) -> Iterator[None]:
    """A disk of `size` bytes at `place`."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


if __name__ == "__main__":
    sys.exit(main())
