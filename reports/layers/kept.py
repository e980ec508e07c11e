"""Keeps what the layers of a model measure, in the file of the backends' answers.

It is found by all that decides it: what decides the answers of the backends whose layers are
compared (`reports.backends.kept_answers`), the input's bits, and the code that measures. What is
found is judged anew.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from msgspec import DecodeError, msgpack

from blazepalm.cache_file import CacheFile, code_sha256, key_of
from blazepalm.reports.backends.kept_answers import Kept
from blazepalm.reports.backends.names import (
    COREAI,
    COREAI_FP16,
    MIL,
    MIL_FP16,
    MIL_FP16_CORE_AI,
    ORACLE,
    TFLITE,
    TORCH,
)
from blazepalm.reports.layers.measure import Measured
from blazepalm.reports.subjects.subject import Subject

MEASURING = ("reports/layers", "reports/compare", "reports/judge/policy.py")
ALWAYS = (TFLITE, ORACLE, TORCH, MIL, MIL_FP16)
WITH_CORE_AI = (COREAI, COREAI_FP16, MIL_FP16_CORE_AI)

_decoder = msgpack.Decoder(Measured)


@dataclass(frozen=True)
class KeptLayers:
    """Where the layers of a model on one input are kept. `produced`: (operator, tensor), by index,
    for every tensor that an operator of its file outputs.
    """

    file: CacheFile
    key: str
    produced: frozenset[tuple[int, int]]

    def get(self) -> Measured | None:
        """What an earlier run measured; None if it is not there whole."""
        content = self.file.get(self.key)
        try:
            found = None if content is None else _decoder.decode(content)
        except DecodeError:
            return None
        return found if found is not None and self._is_whole(found) else None

    def put(self, measured: Measured) -> None:
        """Keeps what was measured, unless the layers of a backend could not be read."""
        if not measured.unread:
            self.file.put(self.key, msgpack.encode(measured))

    def _is_whole(self, found: Measured) -> bool:
        count = len(found.places)
        return (
            {(place.operator, place.tensor) for place in found.places} <= self.produced
            and len(found.costs) == count
            and all(len(layers) == count for layers in found.distances.values())
            and all(cost > 0 for costs in found.costs for cost in costs)
        )


def kept_layers(subject: Subject, image: np.ndarray, *, core_ai: bool) -> KeptLayers | None:
    """Where a model's layers on this input are kept, with `core_ai` also Core AI's; None unless the
    answers of all the backends are.
    """
    wanted = (*ALWAYS, *(WITH_CORE_AI if core_ai else ()))
    backends = {name: b for name, b in subject.backends.items() if name in wanted}
    kept = {name: b for name, b in backends.items() if isinstance(b, Kept)}
    if not {TFLITE, ORACLE, TORCH} <= set(kept) or len(kept) < len(backends):
        return None
    bits = hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
    known = {
        "layers": {name: backend.known for name, backend in kept.items()},
        "input": [image.dtype.str, image.shape, bits],
        "code": code_sha256(*MEASURING),
    }
    operators = subject.converted.graph.operators
    produced = frozenset((op.index, tensor) for op in operators for tensor in op.outputs)
    return KeptLayers(kept[TFLITE].file, key_of(known), produced)
