"""What one case gave, as plain numbers: it can be written down, and sent to another process.

Raw outputs are files of their own (`reports.stored.raw_files`); they are in no JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from blazepalm.reports.compare.rows import Key, Scalar
from blazepalm.reports.compare.tensors import Part, RangePart

Share = Part | Scalar


@dataclass
class Record:
    """`entries`: (row, input's name, its share); a case with two hands feeds a landmark model
    twice. `ranges`: (model, stage, backend, output, range). `inputs`: SHA-256 of what each model
    was fed. `seconds`: by model and backend. `hands`: by pair and backend, as the report lists
    them. `raw`: arrays to keep, by model and `backend/output`. `spared`: backends that this case
    does without; a record read back does not tell.
    """

    case: str
    sha256: str
    kind: str
    width: int
    height: int
    truth: tuple[dict[str, Any], ...] | None = None
    entries: list[tuple[Key, str, Share]] = field(default_factory=list)
    ranges: list[tuple[str, str, str, str, RangePart]] = field(default_factory=list)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    hands: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    raw: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    spared: frozenset[str] = frozenset()


def to_json(record: Record) -> dict[str, Any]:
    """All but the raw arrays."""
    return {
        "case": record.case,
        "sha256": record.sha256,
        "kind": record.kind,
        "width": record.width,
        "height": record.height,
        "truth": record.truth,
        "entries": [
            [[*vars(key).values()], label, *_share(share)] for key, label, share in record.entries
        ],
        "ranges": [[*place, vars(part)] for *place, part in record.ranges],
        "inputs": record.inputs,
        "seconds": record.seconds,
        "hands": record.hands,
    }


def from_json(values: Mapping[str, Any]) -> Record:
    """The inverse of `to_json`, through JSON."""
    return Record(
        case=values["case"],
        sha256=values["sha256"],
        kind=values["kind"],
        width=values["width"],
        height=values["height"],
        truth=None if values["truth"] is None else tuple(values["truth"]),
        entries=[
            (Key(*key), label, Part.from_json(share) if what == "part" else Scalar(**share))
            for key, label, what, share in values["entries"]
        ],
        ranges=[
            (m, s, b, o, RangePart(**{**part, "shape": tuple(part["shape"])}))
            for m, s, b, o, part in values["ranges"]
        ],
        inputs=values["inputs"],
        seconds=values["seconds"],
        hands=values["hands"],
    )


def _share(share: Share) -> tuple[str, dict[str, Any]]:
    if isinstance(share, Part):
        return "part", share.to_json()
    return "scalar", vars(share)
