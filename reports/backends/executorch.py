"""Runs the readable module in ExecuTorch, PyTorch's runtime for phones, with XNNPACK's kernels (the
library that LiteRT computes with, too): the backend `executorch` (extra `executorch`).

A method is not safe to call from two threads, so there is one for each worker.
"""

import hashlib
import importlib.util
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from blazepalm.child import Child, ChildLimits
from blazepalm.converter.folder import pte_of
from blazepalm.converter.pte import (
    XNNPACK,
    Shapes,
    input_shapes,
    missing_executorch,
    pte_outputs,
    quiet,
)
from blazepalm.converter.pte_cache import cached_pte
from blazepalm.errors import ArtifactError, CouldNotVerify, first_line
from blazepalm.reports.backends.backend import (
    FLOAT32,
    Backend,
    Opening,
    Outputs,
    Registration,
    split_inputs,
)
from blazepalm.reports.backends.litert import quiet_native_log
from blazepalm.reports.backends.names import EXECUTORCH

if TYPE_CHECKING:
    from torch import Tensor

_loaded = threading.Event()  # a program was loaded in this process
EXPORTER = "executorch.exir"
TRIAL = ChildLimits(opening=120.0, call=1.0, memory=8.0)


class Loaded(NamedTuple):
    """A method with the program that it reads, without which it would read freed memory."""

    program: Any
    method: Any


@dataclass(frozen=True)
class Program:
    """A loaded `.pte`. Each call takes a free method, so several threads may call it at once.
    `source` is the model's name in messages; `sha256` is that of the bytes.
    """

    source: str
    sha256: str
    methods: "queue.SimpleQueue[Loaded]"

    def __call__(self, inputs: Sequence["Tensor"]) -> list["Tensor"]:
        """The outputs in the program's order. Raises CouldNotVerify if it cannot run."""
        loaded = self.methods.get()
        try:
            # a method writes the next result where this one is
            return [value.clone() for value in loaded.method.execute(inputs)]
        except RuntimeError as error:
            raise CouldNotVerify(
                f"{self.source}: ExecuTorch cannot run the program: {first_line(error)}"
            ) from error
        finally:
            self.methods.put(loaded)


def hush_executorch() -> None:
    """Triggers and discards what ExecuTorch's native part prints when it is first loaded. Call it
    before starting threads that run while models are opened. Does nothing if it is missing.
    """
    if missing_executorch() is None:
        with quiet(), quiet_native_log():
            runtime, library = _import_runtime()
            runtime.get()
            library._threadpool_get_thread_count()  # asks the processor what it is


def load_program(
    content: bytes, source: str, copies: int = 1, threads: int | None = None
) -> Program:
    """Loads a `.pte`'s bytes `copies` times, for as many callers at a time. `threads`: how many
    compute one call (None: as many as the processor has), which the first program settles for all
    of the process.

    Raises CouldNotVerify where ExecuTorch is missing, has settled on other threads, or cannot load
    the program.
    """
    if (reason := missing_executorch()) is not None:
        raise CouldNotVerify(reason)
    with quiet(), quiet_native_log():
        runtime, library = _import_runtime()
        _settle_threads(library, threads)
    methods: queue.SimpleQueue[Loaded] = queue.SimpleQueue()
    try:
        with quiet_native_log():
            for _ in range(copies):
                program = runtime.get().load_program(content)
                methods.put(Loaded(program, program.load_method("forward")))
    except RuntimeError as error:
        raise CouldNotVerify(
            f"{source}: ExecuTorch cannot load the program: {first_line(error)}"
        ) from error
    return Program(source, hashlib.sha256(content).hexdigest(), methods)


def _import_runtime() -> tuple[Any, Any]:
    """ExecuTorch's class `Runtime` and its native library, without its exporter: the package
    `executorch.exir` takes five seconds to import, and the library needs one warning's class of it.
    """
    own = None
    if EXPORTER not in sys.modules:
        found = importlib.util.find_spec("executorch")
        assert found is not None and found.submodule_search_locations is not None
        own = ModuleType(EXPORTER)  # finds the package's modules, but does not run the package
        own.__path__ = [str(Path(place) / "exir") for place in found.submodule_search_locations]
        sys.modules[EXPORTER] = own
    try:
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime
    finally:
        if own is not None:
            for name in [n for n in sys.modules if n == EXPORTER or n.startswith(f"{EXPORTER}.")]:
                del sys.modules[name]
    return Runtime, portable_lib


def _settle_threads(library: Any, threads: int | None) -> None:
    """Replaces ExecuTorch's threads where no loaded program holds them yet."""
    found = library._threadpool_get_thread_count()
    if threads in (None, found):
        _loaded.set()
    elif _loaded.is_set():
        raise CouldNotVerify(
            f"ExecuTorch computes with {found} threads in this process already; "
            f"start another for {threads}"
        )
    else:
        library._unsafe_reset_threadpool(threads)
        _loaded.set()


@dataclass(frozen=True)
class ExecuTorch:
    """`inputs` are the shapes of the file's inputs; `outputs` and `shapes` are the file's, in the
    program's order; without `channels_first` the program takes what the file does.
    """

    name: str
    program: Program
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    channels_first: bool

    @property
    def artifact_sha256(self) -> str:
        return self.program.sha256

    def run(self, images: np.ndarray) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs."""
        rows = [self._run(image[None]) for image in images]
        return {
            name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(self.outputs)
        }

    def _run(self, image: np.ndarray) -> list[np.ndarray]:
        import torch

        given = [image.transpose(0, 3, 1, 2)] if self.channels_first else []
        given = given or split_inputs(image, self.inputs)
        found = self.program([torch.from_numpy(np.ascontiguousarray(x)) for x in given])
        return [
            value.numpy().reshape(shape) for value, shape in zip(found, self.shapes, strict=True)
        ]


def open_trial(path: str, shapes: list[list[int]]) -> Callable[[Any], dict[str, np.ndarray]]:
    """Runs a program once on zeros, in the child process that `_try_out` starts."""
    import torch

    load_program(Path(path).read_bytes(), path)([torch.zeros(shape) for shape in shapes])
    return lambda arrays: {}


def _try_out(path: Path, shapes: Shapes) -> None:
    """Runs a program that was not lowered here in a process of its own first, because a damaged one
    may end the process that runs it. Raises CouldNotVerify.
    """
    function = f"{__name__}:{open_trial.__name__}"
    given = {"path": str(path), "shapes": [list(shape) for shape in shapes]}
    Child(f"ExecuTorch on {path}", function, given, TRIAL).close()


def _open(opening: Opening) -> Backend:
    converted = opening.converted
    places = pte_outputs(converted)
    content = None
    if converted.folder is not None and (kept := pte_of(converted.folder)) is not None:
        content, record = kept
        if record.get("delegate") != XNNPACK:
            opening.notice(f"its {record['name']} is for Apple's devices: executorch ran another")
            content = None
        elif record.get("outputs") != [converted.outputs[i] for i in places]:
            raise ArtifactError(
                f"{converted.folder / record['name']}: has other outputs than this version writes; "
                "convert the release again"
            )
        else:
            _try_out(converted.folder / record["name"], input_shapes(converted))
    if content is None:
        content = cached_pte(converted, opening.before_lowering)
    return ExecuTorch(
        EXECUTORCH,
        load_program(content, opening.source, opening.workers),
        opening.input_shapes,
        tuple(opening.outputs[i] for i in places),
        tuple(opening.output_shapes[i] for i in places),
        channels_first=converted.recognition is not None,
    )


BACKEND = Registration(
    EXECUTORCH,
    "the same module in ExecuTorch, PyTorch's runtime for phones (XNNPACK)",
    FLOAT32,
    _open,
    available=missing_executorch,
    asked_for=True,
)
