"""Runs the TFLite file in Google's own runtime: `tflite` with its default kernels (XNNPACK),
`tflite-ref` with the plain reference kernels (`BUILTIN_REF`).

The file's batch is fixed (to 1), and its RESHAPE operators depend on it, so images run in
batches of the file's size, one after the other; nothing is resized. Only the outputs are read
back: without `experimental_preserve_all_tensors` inner tensors are stale.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from blazepalm.converter.litert_probe import refusal
from blazepalm.errors import CouldNotVerify, first_line
from blazepalm.reports.backends.backend import (
    FLOAT32,
    INTEGERS,
    REFERENCE,
    Backend,
    Opening,
    Outputs,
    Registration,
    run_in_batches,
    split_inputs,
)
from blazepalm.reports.backends.litert_ports import Port, port_of
from blazepalm.reports.backends.names import TFLITE, TFLITE_INTEGER, TFLITE_REF

SMALLEST = "palm-lite"  # of the embedded releases


@dataclass(frozen=True)
class Opened:
    """An interpreter with its inputs and outputs, cached because the runtime takes longer to look
    them up than to copy the values.
    """

    interpreter: Any
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def batch(self) -> int:
        return self.inputs[0].shape[0] if len(self.inputs) == 1 else 1


@dataclass(frozen=True)
class LiteRT:
    """Interpreters of one model; each call of `run` takes a free one."""

    name: str
    source: str
    outputs: tuple[str, ...]
    interpreters: "queue.SimpleQueue[Opened]"

    def run(self, images: np.ndarray) -> Outputs:
        opened = self.interpreters.get()
        try:
            run = partial(self._run, opened)
            return run_in_batches(images, opened.batch, self.outputs, run, "the model")
        finally:
            self.interpreters.put(opened)

    def _run(self, opened: Opened, images: np.ndarray) -> list[np.ndarray]:
        interpreter = opened.interpreter
        try:
            given = split_inputs(images, [port.shape for port in opened.inputs])
            for port, value in zip(opened.inputs, given, strict=True):
                interpreter.set_tensor(port.index, port.stored(in_files_order(value, port.shape)))
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise CouldNotVerify(
                f"{self.source}: LiteRT cannot run the model: {first_line(error)}"
            ) from error
        return [port.real(interpreter.get_tensor(port.index)) for port in opened.outputs]


def open_litert(
    content: bytes,
    outputs: tuple[str, ...],
    *,
    source: str,
    reference_kernels: bool = False,
    threads: int = 1,
    copies: int = 1,
) -> LiteRT:
    """Loads the model's bytes into `copies` interpreters of `threads` threads each. `outputs`
    names the file's outputs in their order; `source` is the model's name in messages.

    Raises CouldNotVerify where LiteRT is not installed or cannot take the model; one that is no
    known release is tried in another process first, which it may crash.
    """
    litert = import_litert()
    if reason := refusal(content):
        raise CouldNotVerify(f"{source}: LiteRT cannot load the model: {reason}")
    kernels = litert.OpResolverType
    return open_copies(
        TFLITE_REF if reference_kernels else TFLITE,
        outputs,
        copies,
        source,
        lambda: open_interpreter(
            litert.Interpreter,
            content,
            source,
            num_threads=threads,
            experimental_op_resolver_type=kernels.BUILTIN_REF
            if reference_kernels
            else kernels.AUTO,
        ),
    )


def import_litert() -> Any:
    """Imports LiteRT's interpreter module. Raises CouldNotVerify where it is not installed."""
    try:
        return import_module("ai_edge_litert.interpreter")
    except ImportError as error:
        raise CouldNotVerify(
            f"LiteRT is not available here ({error}); install it with: "
            "pip install 'blazepalm[tflite]'"
        ) from error


def open_interpreter(
    make: Any, content: bytes, source: str, runtime: str = "LiteRT", **options: Any
) -> Any:
    """Loads the model's bytes into an interpreter from `make`, ready to run. Raises CouldNotVerify
    if `runtime` cannot load the model.
    """
    try:
        with quiet_native_log():
            interpreter = make(model_content=content, **options)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise CouldNotVerify(
            f"{source}: {runtime} cannot load the model: {first_line(error)}"
        ) from error
    return interpreter


def open_copies(
    name: str,
    outputs: tuple[str, ...],
    copies: int,
    source: str,
    make: Callable[[], Any],
    runtime: str = "LiteRT",
) -> LiteRT:
    """The backend `name` over `copies` interpreters from `make`. Raises CouldNotVerify if their
    number of outputs is not the file's.
    """
    interpreters: queue.SimpleQueue[Opened] = queue.SimpleQueue()
    for _ in range(copies):
        interpreter = make()
        found = tuple(map(port_of, interpreter.get_output_details()))
        if len(found) != len(outputs):
            raise CouldNotVerify(
                f"{source}: {runtime} sees {len(found)} outputs where the file has {len(outputs)}"
            )
        given = tuple(map(port_of, interpreter.get_input_details()))
        interpreters.put(Opened(interpreter, given, found))
    return LiteRT(name, source, outputs, interpreters)


def in_files_order(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Transposes (N, H, W, C) images to (N, C, H, W) if the file's input has that shape."""
    axes = images.shape[1:]
    if len(axes) == 3 and axes != shape[1:] and (axes[2], *axes[:2]) == shape[1:]:
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images


@contextlib.contextmanager
def quiet_native_log() -> Iterator[None]:
    """Keeps LiteRT's "INFO: Created TensorFlow Lite XNNPACK delegate" off the terminal. LiteRT
    prints it once per process, with the first interpreter, directly to file descriptor 2, and has
    no option against it. All threads share the descriptor, so it is left alone if there are
    others; the line then appears unless `hush_litert` ran before they started.
    """
    if threading.active_count() > 1:
        yield
        return
    try:
        saved = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def hush_litert() -> None:
    """Triggers and discards LiteRT's log line (`quiet_native_log`). Call it before starting
    threads that run while models are opened. Does nothing if LiteRT is missing.
    """
    from blazepalm.models.releases import resolve

    with contextlib.suppress(CouldNotVerify):
        open_litert(resolve(SMALLEST).read_bytes(), ("boxes", "scores"), source=SMALLEST)


def _open(opening: Opening, reference_kernels: bool) -> Backend:
    return open_litert(
        opening.content,
        opening.outputs,
        source=opening.source,
        reference_kernels=reference_kernels,
        copies=opening.workers,
    )


def _open_integers(opening: Opening) -> Backend | None:
    if opening.integers is None:
        return None
    opened = open_litert(
        opening.integers, opening.outputs, source=opening.source, copies=opening.workers
    )
    return replace(opened, name=TFLITE_INTEGER)


BACKENDS = (
    Registration(
        TFLITE,
        "the file itself in LiteRT, by its default kernels (XNNPACK)",
        FLOAT32,
        lambda opening: _open(opening, reference_kernels=False),
        REFERENCE,
    ),
    Registration(
        TFLITE_REF,
        "LiteRT, reference kernels",
        FLOAT32,
        lambda opening: _open(opening, reference_kernels=True),
        REFERENCE,
        every_picture=False,  # costs more than all other backends together
    ),
    Registration(
        TFLITE_INTEGER,
        "LiteRT on the file's own integers, default kernels",
        INTEGERS,
        _open_integers,
    ),
)
