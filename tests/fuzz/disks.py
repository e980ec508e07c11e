"""`python -m fuzz.disks [--command NAME]`: runs every command that writes on disks of its own that
are too small for it, from a page to what it needs, with nothing there and with the output of an
earlier run. Each run must say so in one sentence with exit code 2, leave the older output as it
was, and leave nothing else. Linux, by a user who may mount a tmpfs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fuzz.crashes import (
    BLAZEPALM,
    COMMANDS,
    Command,
    content,
    empty,
    inputs,
    is_whole,
    litter,
    own_surroundings,
)
from fuzz.tables import Tallies
from support.whole_file import write_whole

FAULTS = ("half written", "no sentence", "old lost", "litter")
OUTCOMES = ("disks", "refused", "whole", *FAULTS)
HEAD = """# Full disks

What becomes of commands whose disk is too small; `make disks` made this table. Each runs on disks
of one page, four, sixteen, … until one is large enough; first with nothing there, then with the
output of an earlier run. *Refused*: exit code 2 and one sentence, with the disk as it was before;
*whole*: the output is there. The other columns count faults: a file *half written*, *no sentence*,
the *old* output *lost*, a temporary left as *litter*. `parity -o` writes file by file, and `golden
make` its contact sheet after the set: each of their files is whole or not there.

"""
PAGE = 4096
# parity writes into a folder of its own again without being forced
FORCED = ("convert", "golden make", "golden export-ios", "detect --draw", "detect --video",
          "report render", "releases fetch")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="disks")
    parser.add_argument("--command", choices=COMMANDS)
    parser.add_argument("--tally", type=Path, help="JSON of earlier runs, which this one adds to")
    parser.add_argument("--table", type=Path, help="Markdown that the table is written to, too")
    given = parser.parse_args()
    tallies = Tallies(("command",), OUTCOMES, given.tally)
    with tempfile.TemporaryDirectory() as top:
        read = inputs(Path(top) / "read")
        for name in [given.command] if given.command else COMMANDS:
            if name != "ios ingest":  # reads only
                tallies.add((name,), fill(name, read, Path(top)))
    if given.table:
        write_whole(given.table, HEAD + tallies.table())
    return int(any(tallies.counts[row][what] for row in tallies.counts for what in FAULTS))


def fill(name: str, read: Path, top: Path) -> Counter[str]:
    """The outcomes on disks of one page, four, sixteen, … until one is large enough, twice."""
    found: Counter[str] = Counter()
    command = COMMANDS[name]
    place = empty(top / "place")
    words = BLAZEPALM + command.words(read, place)
    subprocess.run(words, capture_output=True, check=True, env=own_surroundings(top))
    sound = content(place / command.output)
    older = empty(top / "older") / command.output
    (place / command.output).rename(older)
    for old in (None, older):
        again = [*words, "--force"] if old and name in FORCED else words
        pages, enough = 1, False
        while not enough:
            with disk(place, pages * PAGE):
                if old is None or _fits(old, place / command.output):
                    enough = _try(again, command, sound, place, own_surroundings(top), found)
            pages *= 4
    return found


def _try(
    words: list[str],
    command: Command,
    sound: dict[str, str],
    place: Path,
    surroundings: dict[str, str],
    found: Counter[str],
) -> bool:
    """Counts what becomes of one run; whether the disk was large enough."""
    target = place / command.output
    before = content(target), inodes(target)
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=surroundings)
    enough = done.returncode == 0
    found["disks"] += 1
    found["whole" if enough else "refused"] += 1
    found["litter"] += bool(litter(place))
    left = content(target)
    if enough:
        found["half written"] += left != sound
        return True
    same = (left, inodes(target)) == before
    late = is_whole(left, sound, command) and left.keys() >= before[0].keys()
    if not same and not late:
        found["old lost" if before[0] else "half written"] += 1
    said = done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr
    found["no sentence"] += done.returncode != 2 or not said
    return False


def inodes(path: Path) -> set[int]:
    """Which files are there: a file that was written again is another."""
    return {os.lstat(file).st_ino for file in (path, *path.rglob("*")) if file.is_file()}


def _fits(old: Path, target: Path) -> bool:
    """Puts the older output there."""
    try:
        if old.is_file():
            shutil.copyfile(old, target)
        else:
            shutil.copytree(old, target)
    except (OSError, shutil.Error):
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
