"""Runs a foreign runtime in a child process, so that its crash, its hang, its hunger for memory
and its log stay there.

The child opens `module:function`, which is given JSON arguments and returns a function from arrays
by name to arrays by name; every call sends arrays and receives arrays (`child_pipe`). A child that
dies becomes a ProcessDied that says what died on what.
Limits of time and memory are kept by the child's own kernel, so they also hold for a child whose
parent is gone (not on Windows, which has neither).
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import IO, Any

import msgspec
import numpy as np

from blazepalm import errors
from blazepalm.child_pipe import (
    Array,
    Arrays,
    described,
    receive,
    receive_arrays,
    send,
    widen,
)
from blazepalm.errors import BlazePalmError, CouldNotVerify, ProcessDied, first_line

Function = Callable[[Arrays], Arrays]

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from blazepalm.child import serve; serve()"
)
LOG_TAIL = 4096  # bytes of the log that are read for the error message


class ChildLimits(msgspec.Struct, frozen=True):
    """What a child may use: seconds to open, seconds for a call, GiB of memory."""

    opening: float = 300.0
    call: float = 120.0
    memory: float = 8.0


class Opening(msgspec.Struct):
    """The first message to the child: what to open."""

    function: str
    arguments: dict[str, Any]
    limits: ChildLimits


class Answer(msgspec.Struct):
    """What the child returns: arrays, or the class of our errors that was raised (empty for any
    other) and its message.
    """

    arrays: dict[str, Array] = {}
    error: tuple[str, str] | None = None


class Child:
    """A child process with one opened function, callable from several threads, one at a time.
    `what` names the runtime and what it runs ("Core AI on palm.mlpackage") in messages.

    Raises ProcessDied if the child dies, or whatever BlazePalmError opening raised there.
    """

    def __init__(
        self,
        what: str,
        function: str,
        arguments: Mapping[str, Any],
        limits: ChildLimits = ChildLimits(),  # noqa: B008  (frozen)
    ) -> None:
        self.what = what
        self.limits = limits
        self._lock = threading.Lock()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        widen(self._process.stdin, self._process.stdout)
        try:
            self._ask(msgspec.msgpack.encode(Opening(function, dict(arguments), limits)), {})
        except BaseException:
            self.close()
            raise

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Sends arrays and returns what the function makes of them. Raises ProcessDied if the
        child dies (every later call then says the same), else the BlazePalmError raised there.
        """
        message = msgspec.msgpack.encode(described(arrays))
        with self._lock:
            return self._ask(message, arrays)

    def close(self) -> None:
        """Ends the child. It also ends when this process does."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what a dead child leaves unread
                assert stream is not None
                stream.close()
        process.kill()
        process.wait()
        self._log.close()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_process") and not self._log.closed:
            self.close()

    def _ask(self, message: bytes, arrays: Mapping[str, np.ndarray]) -> Arrays:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        if self._log.closed:
            raise ProcessDied(f"{self.what}: its process was ended")
        try:
            send(process.stdin, message, arrays)
            answer = receive(process.stdout)
            found = None if answer is None else msgspec.msgpack.decode(answer, type=Answer)
            received = None if found is None else receive_arrays(process.stdout, found.arrays)
        except OSError:  # the pipe of a dead child
            found = received = None
        except BaseException:  # Ctrl-C between question and answer: they would be mixed up
            self.close()
            raise
        if found is None or received is None:
            raise ProcessDied(self._why_dead())
        if found.error is not None:
            name, text = found.error
            if not name:
                raise ProcessDied(f"{self.what}: {text}")
            raise getattr(errors, name, CouldNotVerify)(text)
        return received

    def _why_dead(self) -> str:
        code = self._process.wait()
        if code == -getattr(signal, "SIGALRM", 0):
            limits = self.limits
            return (
                f"{self.what}: did not answer within its time "
                f"({limits.opening:g} s to open, {limits.call:g} s a call) and was ended"
            )
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_signal(-code)}"
        said = self._last_line()
        return f"{self.what}: its process {how}" + (f"; its log ends: {said}" if said else "")

    def _last_line(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_TAIL))
        lines = [x.strip() for x in self._log.read().decode(errors="replace").splitlines()]
        found = [line for line in lines if line]
        return first_line(Exception(found[-1])) if found else ""


def _signal(number: int) -> str:
    known = {one.value: one.name for one in signal.Signals}
    return known.get(number, f"signal {number}")


def serve() -> None:
    """The child's side: opens what the first message names, then answers until its input ends."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints joins the log
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    first = receive(questions)
    if first is None:
        return
    opening = msgspec.msgpack.decode(first, type=Opening)
    limits = opening.limits
    _limit_memory(limits.memory)
    module, _, name = opening.function.partition(":")
    functions: list[Function] = []

    def open_it(_: Arrays) -> Arrays:
        functions.append(getattr(import_module(module), name)(**opening.arguments))
        return {}

    send(answers, *_answered(open_it, {}, limits.opening, limits))
    while functions and (message := receive(questions)) is not None:
        sent = msgspec.msgpack.decode(message, type=dict[str, Array])
        given = receive_arrays(questions, sent)
        if given is None:
            return
        send(answers, *_answered(functions[0], given, limits.call, limits))


def _answered(
    work: Function, given: Arrays, seconds: float, limits: ChildLimits
) -> tuple[bytes, Arrays]:
    found: Arrays = {}
    try:
        _set_alarm(seconds)
        found = work(given)
        answer = Answer(described(found))
    except BlazePalmError as error:
        answer = Answer(error=(type(error).__name__, str(error)))
    except MemoryError:
        answer = Answer(error=("", f"needs more than {limits.memory:g} GiB of memory"))
    except Exception as error:  # whatever a foreign runtime raises
        answer = Answer(error=("", f"{first_line(error)} ({type(error).__name__})"))
    finally:
        _set_alarm(0)
    return msgspec.msgpack.encode(answer), {} if answer.error else found


def _set_alarm(seconds: float) -> None:
    """Has the kernel end this process after that time, even inside native code; 0: no longer."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(gib: float) -> None:
    if sys.platform != "win32":
        import resource

        most = int(gib * (1 << 30))
        for what in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
            _, hard = resource.getrlimit(what)
            if hard == resource.RLIM_INFINITY or most < hard:
                resource.setrlimit(what, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no core file
