"""Runs a foreign runtime in a child process, so that its crash, its hang, its hunger for memory
and its log stay there.

The child opens `module:function`, which is given JSON arguments and returns a function from arrays
by name to arrays by name; every call sends arrays and receives arrays. Both directions use
msgpack, followed by the arrays' bytes; never pickle. A child that dies becomes a ProcessDied that
says what died on what.
Limits of time and memory are kept by the child's own kernel, so they also hold for a child whose
parent is gone (not on Windows, which has neither).
"""

import contextlib
import json
import math
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
from blazepalm.errors import BlazePalmError, CouldNotVerify, ProcessDied, first_line

Arrays = dict[str, np.ndarray]
Function = Callable[[Arrays], Arrays]

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from blazepalm.child import serve; serve()"
)
MAX_FRAME = 1 << 30  # bytes of one message
PIPE_BYTES = 1 << 20  # that a pipe holds: as many as Linux allows any user
LOG_TAIL = 4096  # bytes of the log that are read for the error message
NUMERIC = "biuf"  # kinds of numpy types that are sent


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


class Array(msgspec.Struct):
    """What an array is; its bytes follow the message that names it."""

    dtype: str
    shape: tuple[int, ...]


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
        _widen(self._process.stdin, self._process.stdout)
        try:
            self._ask(msgspec.msgpack.encode(Opening(function, dict(arguments), limits)), {})
        except BaseException:
            self.close()
            raise

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Sends arrays and returns what the function makes of them. Raises ProcessDied if the
        child dies (every later call then says the same), else the BlazePalmError raised there.
        """
        message = msgspec.msgpack.encode(_described(arrays))
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
            _send(process.stdin, message, arrays)
            answer = _receive(process.stdout)
            found = None if answer is None else msgspec.msgpack.decode(answer, type=Answer)
            received = None if found is None else _receive_arrays(process.stdout, found.arrays)
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
    first = _receive(questions)
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

    _send(answers, *_answered(open_it, {}, limits.opening, limits))
    while functions and (message := _receive(questions)) is not None:
        described = msgspec.msgpack.decode(message, type=dict[str, Array])
        given = _receive_arrays(questions, described)
        if given is None:
            return
        _send(answers, *_answered(functions[0], given, limits.call, limits))


def _answered(
    work: Function, given: Arrays, seconds: float, limits: ChildLimits
) -> tuple[bytes, Arrays]:
    found: Arrays = {}
    try:
        _set_alarm(seconds)
        found = work(given)
        answer = Answer(_described(found))
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


def _described(arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
    for value in arrays.values():
        _check_kind(value.dtype)
        if value.nbytes > MAX_FRAME:
            raise CouldNotVerify(f"{value.nbytes} bytes are too many for another process")
    return {name: Array(value.dtype.str, value.shape) for name, value in arrays.items()}


def _check_kind(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in NUMERIC:
        raise CouldNotVerify(f"an array of {dtype} cannot go from one process to another")


def _widen(*pipes: IO[bytes]) -> None:
    """Makes pipes on Linux large enough for a picture: the two processes need not take turns."""
    if sys.platform == "linux":
        import fcntl

        for pipe in pipes:
            with contextlib.suppress(OSError):  # more than the system allows
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _send(stream: IO[bytes], message: bytes, arrays: Mapping[str, np.ndarray]) -> None:
    if len(message) > MAX_FRAME:
        raise CouldNotVerify(f"{len(message)} bytes are too many for another process")
    stream.write(len(message).to_bytes(8, "little"))
    stream.write(message)
    for value in arrays.values():
        stream.write(_bytes_of(np.ascontiguousarray(value)))
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """One message; None where the stream ends before it does."""
    size = int.from_bytes(stream.read(8), "little")
    if not 0 < size <= MAX_FRAME:
        return None
    message = stream.read(size)
    return message if len(message) == size else None


def _receive_arrays(stream: IO[bytes], arrays: Mapping[str, Array]) -> Arrays | None:
    """The arrays of a message; None where the stream ends before they do."""
    found = {}
    for name, array in arrays.items():
        dtype = np.dtype(array.dtype)
        _check_kind(dtype)
        if math.prod(array.shape) * dtype.itemsize > MAX_FRAME:
            return None
        found[name] = value = np.empty(array.shape, dtype)
        if stream.readinto(_bytes_of(value)) != value.nbytes:  # type: ignore[attr-defined]
            return None
    return found


def _bytes_of(value: np.ndarray) -> memoryview:
    """The memory of a contiguous array."""
    return memoryview(value.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
