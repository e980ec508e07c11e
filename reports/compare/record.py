"""What one case gave, as plain numbers: it can be written down, and sent to another process.

Raw outputs are files of their own (`reports.stored.raw_files`) and not written with it.
"""

from typing import Any

import numpy as np
from msgspec import Struct, field, msgpack
from msgspec.structs import replace

from blazepalm.reports.compare.rows import Key, Scalar
from blazepalm.reports.compare.tensors import TensorDifference, TensorRange

Measurement = TensorDifference | Scalar


class Record(Struct, omit_defaults=True):
    """`entries`: (row, input's name, what was measured); a case with two hands feeds a landmark
    model twice. `ranges`: (model, stage, backend, output, range). `inputs`: SHA-256 of what each
    model was fed. `seconds`: by model and backend. `hands`: by pair and backend, as the report
    lists them. `raw`: arrays to keep, by model and `backend/output`. `spared`: backends that this
    case does without; a record read back does not tell.
    """

    case: str
    sha256: str
    kind: str
    width: int
    height: int
    truth: tuple[dict[str, Any], ...] | None = None
    entries: list[tuple[Key, str, Measurement]] = field(default_factory=list)
    ranges: list[tuple[str, str, str, str, TensorRange]] = field(default_factory=list)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    hands: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    raw: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    spared: frozenset[str] = frozenset()


_decoder = msgpack.Decoder(Record)


def to_bytes(record: Record) -> bytes:
    """All but the raw arrays, as MessagePack: JSON has no NaN. Raises UnicodeEncodeError for a
    name that is not Unicode.
    """
    return msgpack.encode(replace(record, raw={}, spared=frozenset()))


def from_bytes(content: bytes) -> Record:
    """The inverse of `to_bytes`. Raises msgspec.DecodeError, which is a ValueError."""
    return _decoder.decode(content)
