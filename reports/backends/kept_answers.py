"""Keeps what backends answer in the user's cache folder, so that the next run on the same inputs
need not compute it again.

An answer is found by all that decides its bits: the network (LiteRT's: the file's bytes; the
others': the weights and structure, or the package's or program's SHA-256), the input's bits, the
versions of the libraries that compute, our own code that opens and runs networks, and the kernels
of this machine. Whatever is compared or judged is computed anew each time, but for the layers'
errors (`reports.layers.kept`). Core ML on a Mac, backends of other distributions and candidates are
asked every time: no version tells their code.
"""

import hashlib
import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import DecodeError, Struct, msgpack

from blazepalm.cache_file import CacheFile, code_sha256, key_of, versions
from blazepalm.cache_folder import cache_folder
from blazepalm.converter.pte_cache import weights_sha256
from blazepalm.processor import kernels
from blazepalm.reports.backends.backend import Backend, Opening, Outputs, Registration
from blazepalm.reports.backends.names import (
    COREAI,
    COREAI_APP,
    COREAI_APP_FP32,
    COREAI_FP16,
    COREAI_MODULE,
    EXECUTORCH,
    GENERIC,
    INTEGER,
    MIL,
    MIL_APP,
    MIL_FP16,
    MIL_FP16_BOUND,
    MIL_FP16_CORE_AI,
    ORACLE,
    TFLITE,
    TFLITE_INTEGER,
    TFLITE_REF,
    TORCH,
)

FILE = "answers.sqlite"
MOST = 512 << 20  # bytes; `make parity` needs 230 MB
REPEATABLE = (
    *(TFLITE, TFLITE_REF, TFLITE_INTEGER, INTEGER, ORACLE, GENERIC, TORCH, EXECUTORCH),
    *(MIL, MIL_FP16, MIL_APP, MIL_FP16_BOUND, MIL_FP16_CORE_AI),
    *(COREAI, COREAI_FP16, COREAI_APP, COREAI_APP_FP32, COREAI_MODULE),
)
OF_THE_FILE = (TFLITE, TFLITE_REF, TFLITE_INTEGER)  # LiteRT runs the file's own bytes
NUMBERS = "fiub"  # kinds of dtypes
DECIDING = (
    *("ai-edge-litert", "coreai-core", "coreai-torch", "coremltools", "executorch", "numpy"),
    *("tensorflow", "torch"),
)
RUNNING = ("reports/backends", "child.py", "child_pipe.py")
CONVERTING = ("converter", "models")


class _Value(Struct, array_like=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    content: bytes


_decoder = msgpack.Decoder(list[_Value])
_counts = threading.local()


@dataclass(frozen=True)
class Kept:
    """A backend whose answers are in `file`, under keys that begin with `known`."""

    backend: Backend
    known: str
    file: CacheFile

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        digest = hashlib.sha256(f"{self.known} {images.dtype.str} {images.shape} ".encode())
        digest.update(np.ascontiguousarray(images).data)
        key = digest.hexdigest()
        content = self.file.get(key)
        found = None if content is None else _unpacked(content)
        if found is not None:
            _counts.found = found_here() + 1
            return found
        outputs = self.backend.run(images)
        if all(value.dtype.kind in NUMBERS for value in outputs.values()):
            self.file.put(key, _packed(outputs))
        return outputs


def open_answers() -> CacheFile:
    """The file of all answers."""
    return CacheFile(cache_folder() / FILE, MOST)


def found_here() -> int:
    """How many answers this thread has found so far."""
    return getattr(_counts, "found", 0)


def opened(backend: Backend) -> Backend:
    """The backend itself, with its module or program."""
    return backend.backend if isinstance(backend, Kept) else backend


def network_of(opening: Opening) -> dict[str, Any]:
    """What decides the bits of a model's networks, but for what runs them."""
    model = opening.converted
    states = {"module": model.module, "generic": model.generic}
    return {
        "content": hashlib.sha256(opening.content).hexdigest(),
        "integers": hashlib.sha256(opening.integers or b"").hexdigest(),
        "source": model.graph.sha256,
        "spec": _spec(model),
        "outputs": [*opening.outputs, *model.outputs],
        **{name: weights_sha256(module) for name, module in states.items()},
    }


def kept(
    registration: Registration,
    backend: Backend,
    network: Mapping[str, Any],
    artifact: str | None,
    file: CacheFile,
) -> Backend:
    """The backend with its answers kept. `network`: of `network_of`; `artifact`: SHA-256 of the
    package or program that it runs.
    """
    if registration.name not in REPEATABLE:
        return backend
    parts: tuple[str, ...] = (*RUNNING, *CONVERTING)
    deciding = network
    if registration.name in OF_THE_FILE:
        parts = RUNNING
        deciding = {name: network[name] for name in ("content", "integers", "outputs")}
    known = {
        "backend": registration.name,
        "network": deciding,
        "artifact": artifact,
        "code": code_sha256(*parts),
        "versions": {"python": platform.python_version(), **versions(*DECIDING)},
        "kernels": kernels(),
    }
    return Kept(backend, key_of(known), file)


def _spec(model: Any) -> Any:
    from blazepalm.models.spec_json import spec_to_dict

    return None if model.recognition is None else spec_to_dict(model.recognition.spec)


def _packed(outputs: Outputs) -> bytes:
    return msgpack.encode(
        [
            _Value(name, value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
            for name, value in outputs.items()
        ]
    )


def _unpacked(content: bytes) -> Outputs | None:
    try:
        return {
            value.name: np.frombuffer(value.content, value.dtype).reshape(value.shape).copy()
            for value in _decoder.decode(content)
        }
    except (DecodeError, TypeError, ValueError):
        return None
