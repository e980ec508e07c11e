"""The measurements of one case as plain numbers, to be stored or sent to another process.

Raw outputs are written separately (`reports.stored.raw_files`).
"""

import numpy as np
from msgspec import Struct, field, msgpack
from msgspec.structs import replace

from blazepalm.reports.compare.hands import Listed, ListedTruth
from blazepalm.reports.compare.rows import Key, Scalar
from blazepalm.reports.compare.tensors import TensorDifference, TensorRange

Measurement = TensorDifference | Scalar


class Record(Struct, omit_defaults=True):
    """`entries`: (row, input's name, measurement); a case with two hands feeds a landmark
    model twice. `ranges`: (model, stage, backend, output, range). `inputs`: SHA-256 of each
    model's inputs. `seconds`: by model and backend. `hands`: by pair and backend, as the report
    lists them. `raw`: arrays to keep, by model and `backend/output`. `spared`: backends that
    skip this case; not stored by `to_bytes`. `answers`: how often a backend was asked, `kept`: how
    often the user's cache folder had the answer.
    """

    case: str
    sha256: str
    kind: str
    width: int
    height: int
    truth: tuple[ListedTruth, ...] | None = None
    entries: list[tuple[Key, str, Measurement]] = field(default_factory=list)
    ranges: list[tuple[str, str, str, str, TensorRange]] = field(default_factory=list)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    hands: Listed = field(default_factory=dict)
    raw: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    spared: frozenset[str] = frozenset()
    answers: int = 0
    kept: int = 0


_decoder = msgpack.Decoder(Record)


def to_bytes(record: Record) -> bytes:
    """All but `raw` and `spared` as MessagePack (JSON has no NaN). Raises UnicodeEncodeError for a
    name that is not Unicode.
    """
    return msgpack.encode(replace(record, raw={}, spared=frozenset()))


def from_bytes(content: bytes) -> Record:
    """The inverse of `to_bytes`. Raises msgspec.DecodeError, which is a ValueError."""
    return _decoder.decode(content)
