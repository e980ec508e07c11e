"""`python -m load [--load NAME] [--scale X]`: the table load × memory × descriptors × answers.

Memory is what the process holds (VmRSS); the first fifth of the work is left to caches and
libraries to fill. A load is flat if it holds at most a tenth more at the end, and no more file
descriptors. Linux only.
"""

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from load.loads import LOADS

WARM = 0.2  # share of the work after which nothing may grow
MOST = 1.1  # times what was held then


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(prog="load")
    parser.add_argument("--load", choices=LOADS)
    parser.add_argument("--scale", type=float, default=1.0, help="share of each load's count")
    given = parser.parse_args()
    print("| load | items | memory after a fifth, MB | at the end | descriptors | answers | s | |")
    print("|---|---:|---:|---:|---|---|---:|---|")
    bad = 0
    for name in [given.load] if given.load else LOADS:
        load = LOADS[name]
        count = max(1, round(load.count * given.scale))
        done = subprocess.run(
            [sys.executable, "-m", "load", "--child", name, str(count)],
            stdout=subprocess.PIPE,
            check=True,
        )
        found = json.loads(done.stdout)
        flat = (
            found["end"] <= MOST * found["warm"]
            and found["descriptors_end"] <= (found["descriptors_warm"])
        )
        same = not any("differs" in answer for answer in found["answers"])
        cells = [
            name,
            f"{count:,} {load.what}",
            f"{found['warm']:.0f}",
            f"{found['end']:.0f}",
            f"{found['descriptors_warm']} → {found['descriptors_end']}",
            ", ".join(found["answers"]),
            f"{found['seconds']:.0f}",
            "flat, the same" if flat and same else "GROWS" if same else "DIFFERS",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
        bad += not (flat and same)
    return int(bad > 0)


def child(name: str, count: int) -> None:
    """Runs one load and prints what it held, in MB, as JSON."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answers: set[str] = set()
    warm: dict[str, float] = {}
    began = time.perf_counter()
    with TemporaryDirectory() as place:
        for done, answer in LOADS[name].run(count, Path(place)):
            if answer is not None:
                answers.add(answer)
            if not warm and done >= WARM * count:
                warm = {"warm": held(), "descriptors_warm": descriptors()}
        found = {
            **(warm or {"warm": held(), "descriptors_warm": descriptors()}),
            "end": held(),
            "descriptors_end": descriptors(),
            "answers": sorted(answers),
            "seconds": time.perf_counter() - began,
        }
    out.write(json.dumps(found))
    out.close()


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
