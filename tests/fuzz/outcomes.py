"""Runs mutants in a child process with limits of time and memory, and classes what becomes of
each. A child that dies is replaced; the mutant that killed it is counted.
"""

import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import IO, Any

from blazepalm.errors import BlazePalmError

SECONDS = 60.0  # for one mutant, on a busy machine, too
MEMORY = 3 << 30  # bytes of a child
OPEN_FILES = 256
SHARED_MEMORY = "/dev/shm"

FINE, SENTENCE, UNJUDGED = "fine", "sentence", "unjudged"
ACCEPTED, OTHER = "LiteRT refuses it", "other numbers"
ESCAPES = (
    TRACEBACK := "traceback",
    DIED := "died",
    HUNG := "hung",
    MEMORY_OUT := "memory",
    LINES := "several lines",
    ACCEPTED,
    OTHER,
    LEFT := "partial output",
)
OUTCOMES = (FINE, SENTENCE, UNJUDGED, *ESCAPES)


class Escaped(Exception):
    """What a reader raises for an outcome that is neither fine nor an exception: its name, why."""


@dataclass
class Tally:
    """How many mutants had each outcome, and of each kind of escape the first mutants' numbers."""

    reader: str
    counts: Counter[str] = field(default_factory=Counter)
    kinds: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Tally":
        """The inverse of `plain`."""
        kinds = {(outcome, why): numbers for outcome, why, numbers in values["kinds"]}
        return cls(values["reader"], Counter(values["counts"]), kinds, values["seconds"])

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        kinds = [[*kind, numbers] for kind, numbers in self.kinds.items()]
        return {
            "reader": self.reader,
            "counts": dict(self.counts),
            "kinds": kinds,
            "seconds": self.seconds,
        }

    @property
    def mutants(self) -> int:
        return sum(self.counts.values())

    @property
    def escapes(self) -> int:
        return sum(self.counts[name] for name in ESCAPES)

    def add(self, number: int, outcome: str, why: str) -> None:
        self.counts[outcome] += 1
        if outcome in ESCAPES or outcome == UNJUDGED:
            self.kinds.setdefault((outcome, why), []).append(number)


def judge(reader: Any, corpus: Any, seed: int, number: int, folder: Path) -> tuple[str, str]:
    """Makes mutant `number` and reads it: (outcome, why)."""
    random = Random(f"{reader.name} {seed} {number}")
    return outcome_of(lambda: reader.run(random, corpus, folder))


def outcome_of(read: Callable[[], None]) -> tuple[str, str]:
    """What becomes of one reading: (outcome, why)."""
    try:
        read()
    except BlazePalmError as error:
        said = str(error)
        own = re.sub(r"\n(?=  |unsupported )", "", said)  # a list of what is unsupported
        try:
            said.encode()
        except UnicodeEncodeError:
            return LINES, f"not encodable: {said[:60]!a}"
        return (SENTENCE, "") if "\n" not in own and own.strip() else (LINES, ascii(said[:80]))
    except Escaped as error:
        outcome, why = error.args
        return outcome, why
    except MemoryError:
        return MEMORY_OUT, place_of(sys.exc_info()[2])
    except Exception as error:
        return TRACEBACK, f"{type(error).__name__} {place_of(error.__traceback__)}: {error!s:.60}"
    return FINE, ""


def place_of(trace: Any) -> str:
    """The innermost line of ours: `converter/ops/shape.py:57`."""
    root = Path(__file__).resolve().parents[2]
    own = [
        f for f in traceback.extract_tb(trace) if Path(f.filename).resolve().is_relative_to(root)
    ]
    own = [f for f in own if "tests" not in Path(f.filename).resolve().relative_to(root).parts]
    last = own[-1] if own else traceback.extract_tb(trace)[-1]
    path = Path(last.filename).resolve()
    return f"{path.relative_to(root) if path.is_relative_to(root) else path.name}:{last.lineno}"


def scratch() -> TemporaryDirectory[str]:
    """A folder in memory where there is such: mutants are written and removed by thousands."""
    return TemporaryDirectory(dir=SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None)


def serve(reader: Any, seed: int, numbers: range) -> None:
    """The child: one line of JSON before each mutant and one after it."""
    out = only_output()
    with scratch() as place:
        corpus = reader.corpus(Path(place) / "corpus")
        limit_this_process()
        for number in numbers:
            timed(number, lambda n=number: judge(reader, corpus, seed, n, Path(place)), out)


def only_output() -> IO[str]:
    """Standard output, for the caller alone: what libraries print goes nowhere."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return out


def limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def timed(number: int, judged: Callable[[], tuple[str, str]], out: IO[str]) -> tuple[str, str]:
    """Judges one mutant and says so on `out`; the system ends this process if it takes too long."""
    out.write(f"{number}\n")
    out.flush()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    found = judged()
    signal.setitimer(signal.ITIMER_REAL, 0)
    out.write(json.dumps(found) + "\n")
    out.flush()
    return found


def fuzz(
    reader: Any, count: int, seed: int, known: Tally | None = None, seconds: float = math.inf
) -> Tally:
    """Runs a reader's first `count` mutants but those that are `known`; stops after `seconds`."""

    def command(at: int) -> list[str]:
        return ["-m", "fuzz", "--child", reader.name, str(seed), str(at), str(count)]

    return collect(command, known or Tally(reader.name), count, seconds)


def collect(
    command: Callable[[int], Sequence[str]], tally: Tally, count: int, seconds: float
) -> Tally:
    """Counts what children say of mutants up to `count`; `command(number)` are Python's arguments
    for a child that begins with that mutant.
    """
    began = time.perf_counter()
    before, at, end = tally.seconds, tally.mutants, count
    while at < end and time.perf_counter() - began < seconds:
        lines = _child(command(at))
        begun, late = None, False
        for line in lines:
            if line.isdigit():
                begun = int(line)
            elif line.startswith("["):
                outcome, why = json.loads(line)
                tally.add(at, outcome, why)
                at, begun = at + 1, None
                if late := time.perf_counter() - began > seconds:
                    lines.close()
                    break
            else:  # how the child ended
                code = int(line.removeprefix("ended "))
        if at >= end or late:
            break
        if begun is None:
            raise RuntimeError(f"{tally.reader}: the child ended with code {code} by itself")
        hung = code == -signal.SIGALRM
        how = f"after {SECONDS:g} s" if hung else f"code {code}"
        tally.add(at, HUNG if hung else DIED, how)
        at += 1
    tally.seconds = before + time.perf_counter() - began
    return tally


def _child(arguments: Sequence[str]) -> Generator[str, None, None]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield from (line.strip() for line in process.stdout)
        except GeneratorExit:
            process.kill()
            raise
        process.wait()
    yield f"ended {process.returncode}"
