"""Other processes: a command with its time and peak memory, and a worker that answers requests."""

import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blazepalm.reports.bench.commands import Run, wait_for

LIMIT = 900  # seconds of a command or an answer
LONGEST = 160  # characters of an error
PATHS = re.compile(r"(?:/[\w.+~-]+)+/(?=[\w.+~-])")  # the folders of a path


class FailedError(Exception):
    """The tool's error in one line."""


def measure(command: Sequence[str | Path], environment: Mapping[str, str]) -> Run:
    """Runs a command to its end. Raises FailedError if it fails. Linux counts the caller's memory
    at the fork as the child's, so the caller must be small.
    """
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        try:
            run = wait_for(process, start)
        finally:
            watch.cancel()
        if process.returncode:
            said.seek(0)
            raise FailedError(last_line(said.read().decode(errors="replace"), process.returncode))
    return run


def last_line(said: str, code: int) -> str:
    """The error in one line: what was said last, without folders."""
    if code < 0:
        return f"killed by signal {-code}"
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    last = PATHS.sub("", lines[-1].removeprefix("error: ")) if lines else f"exit code {code}"
    return last if len(last) <= LONGEST else last[: LONGEST - 1] + "…"


class Worker:
    """A process that reads requests and writes answers, each a line of JSON."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
    ) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115, closed with the process
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def ready(self) -> dict[str, Any]:
        """What it says when it has opened the network. Raises FailedError if it cannot."""
        assert self._process.stdout is not None
        watch = threading.Timer(LIMIT, self._process.kill)
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        if not line.endswith("\n"):
            code = self._process.wait()
            self._said.seek(0)
            raise FailedError(last_line(self._said.read().decode(errors="replace"), code))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **request: Any) -> dict[str, Any]:
        """Its answer. Raises FailedError if it dies."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # `ready` says why it died
        return self.ready()
