"""`python -m load [--load NAME] [--scale X]`: the table load × memory × descriptors × answers.

Each load runs in a process of its own. Memory is what the process holds (VmRSS) after each fifth of
the work; the first fifth is left to caches and libraries to fill. A load is flat if it never holds
more than a tenth more than then, and no more file descriptors. Linux only.
"""

import argparse
import ctypes
import gc
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from blazepalm.processor import processor_name
from load.loads import LOADS
from support.whole_file import write_whole

FIFTHS = 5
MOST = 1.1  # times what was held after the first fifth
HEAD = """# Long work

Whether a process that works for long holds more and more; `make load` made this table. Each line is
one process. Its memory is measured after each fifth of the work, once garbage is collected and the
C library has given back what is free; the first fifth fills caches. glibc is told to keep one arena
only: 64 threads make sixteen, and the gaps between the blocks in use there go up and down by a
seventh of the whole, while the bytes in use stay the same. *Flat*: never more than a tenth above
what it held then, and no more file descriptors. *Answers* are compared with the first, or with what
they must be.

`parity`: one run over as many random inputs of a graph of one operator, which is exact.
`tracker`: the hand tracker by replay. The networks' outputs and the crops' places of ten seconds of
two rendered hands, which leave and come back, are recorded once; then these ten seconds come again
and again, and every frame's hands must be the recorded ones.
`conversions`: small graphs of every operator, one after another; each must give the same bytes
again. `threads`: 64 threads at once on one pipeline with both networks, new ones each time; OpenCV
keeps some 0.9 kB for each thread that has ended, as threads show that only call `cv2.resize`.

"""


@dataclass(frozen=True)
class Found:
    """What a load of `items` did: MB held and file descriptors open after each fifth, the kinds of
    answers, wall-clock seconds.
    """

    load: str
    items: int
    memory: list[float]
    descriptors: list[int]
    answers: list[str]
    seconds: float

    @property
    def verdict(self) -> str:
        if any("differs" in answer for answer in self.answers):
            return "DIFFERS"
        grows = max(self.memory) > MOST * self.memory[0]
        grows |= max(self.descriptors) > self.descriptors[0]
        return "GROWS" if grows else "flat, the same"


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(prog="load")
    parser.add_argument("--load", choices=LOADS)
    parser.add_argument("--scale", type=float, default=1.0, help="share of each load's count")
    parser.add_argument("--tally", type=Path, help="JSON of other loads' runs, for the table")
    parser.add_argument("--table", type=Path, help="Markdown that the table is written to, too")
    given = parser.parse_args()
    kept = read_tally(given.tally)
    for name in [given.load] if given.load else LOADS:
        kept[name] = measure(name, max(1, round(LOADS[name].count * given.scale)))
        print(f"{name}: {kept[name].seconds:.0f} s, {kept[name].verdict}", flush=True)
        if given.tally:
            write_whole(given.tally, json.dumps([asdict(found) for found in kept.values()]))
    shown = table([kept[name] for name in LOADS if name in kept])
    print("\n" + shown)
    if given.table:
        machine = f"{platform.system()} {platform.machine()}, {processor_name()}:\n\n"
        write_whole(given.table, HEAD + machine + shown)
    return int(any(found.verdict.isupper() for found in kept.values()))


def measure(name: str, count: int) -> Found:
    """Runs a load in a process of its own, whose C library keeps one arena."""
    command = [sys.executable, "-m", "load", "--child", name, str(count)]
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=env)
    return Found(**json.loads(done.stdout))


def read_tally(path: Path | None) -> dict[str, Found]:
    """By load; none of a file that does not exist yet."""
    if path is None or not path.exists():
        return {}
    return {each["load"]: Found(**each) for each in json.loads(path.read_text("utf-8"))}


def table(found: list[Found]) -> str:
    """Markdown: load × memory × descriptors × answers."""
    head = ["load", "items", "MB held after each fifth", "descriptors", "answers", "s", ""]
    lines = [head, ["---", "---:", "---", "---", "---", "---:", "---"]]
    for each in found:
        cells = [
            each.load,
            f"{each.items:,} {LOADS[each.load].what}",
            ", ".join(f"{held:.0f}" for held in each.memory),
            ", ".join(map(str, each.descriptors)),
            ", ".join(each.answers),
            f"{each.seconds:,.0f}",
            each.verdict,
        ]
        lines.append(cells)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def child(name: str, count: int) -> None:
    """Runs one load and prints what was found, as JSON."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    out.write(json.dumps(asdict(watch(name, count))))
    out.close()


def watch(name: str, count: int) -> Found:
    """Runs one load in this process."""
    answers: set[str] = set()
    memory: list[float] = []
    opened: list[int] = []
    began = time.perf_counter()
    with TemporaryDirectory() as place:
        for done, answer in LOADS[name].run(count, Path(place)):
            if answer is not None:
                answers.add(answer)
            while len(memory) < FIFTHS and done * FIFTHS >= (len(memory) + 1) * count:
                memory.append(held())
                opened.append(descriptors())
    seconds = time.perf_counter() - began
    return Found(name, count, memory, opened, sorted(answers), seconds)


def held() -> float:
    """MB in memory, once garbage is collected and the C library has given back what is free (with
    64 threads it keeps half a gigabyte for the next allocation).
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1000


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    sys.exit(main())
