"""Raw outputs of all backends on one input, compared as NumPy does; equal bits only once."""

import numpy as np
import pytest

from blazepalm.reports.cases import raw
from blazepalm.reports.cases.inputs import noise
from blazepalm.reports.cases.raw import compare_raw, timed
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.tensors import TensorDifference, compare, digest
from support.tiny import OUTPUT, SHAPE, Answer, chosen_subject, off_by

IMAGE = noise(SHAPE, (0.0, 1.0), 3, 0)


def recorded(**answers: Answer) -> tuple[Record, dict[str, object]]:
    record = Record("case", "0" * 64, "own", 5, 4)
    found = compare_raw(record, chosen_subject(**answers), IMAGE, "case#1", keep_raw=True)
    return record, dict(found)


def test_every_pair_is_what_comparing_it_gives() -> None:
    record, _ = recorded(torch=off_by(0.25))
    subject = chosen_subject(torch=off_by(0.25))
    said = {name: backend.run(IMAGE)[OUTPUT] for name, backend in subject.backends.items()}
    assert [(k.backend, k.reference) for k, _, _ in record.entries] == list(subject.raw_pairs)
    for key, label, part in record.entries:
        assert part == compare(said[key.reference], said[key.backend]) and label == "case#1"


def test_the_same_bits_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteRT, the generic module and the readable one give the same values here."""
    asked: list[TensorDifference] = []

    def counted(*outputs: np.ndarray | None) -> TensorDifference:
        asked.append(compare(*outputs))
        return asked[-1]

    monkeypatch.setattr(raw, "compare", counted)
    record, _ = recorded()
    assert len(record.entries) == 6 and len(asked) == 2


def test_the_same_bits_of_another_kind_are_not_the_same() -> None:
    """Float32 and integer zeros have the same bytes but must not count as identical."""
    record, _ = recorded(
        tflite=lambda x: {OUTPUT: np.zeros(SHAPE, np.float32)},
        torch=lambda x: {OUTPUT: np.zeros(SHAPE, np.int32)},
    )
    parts = {(k.backend, k.reference): part for k, _, part in record.entries}
    part = parts["torch", "tflite"]
    assert isinstance(part, TensorDifference) and part.unequal is None and part.max_abs == 0.0


def test_a_backend_that_did_not_answer_goes_no_further() -> None:
    record, found = recorded(torch=lambda x: {}, generic=lambda x: {OUTPUT: x[0]})
    assert set(found) == {"tflite", "tflite-ref", "oracle"}
    problems = [
        part.problem for key, _, part in record.entries if isinstance(part, TensorDifference)
    ]
    assert problems.count("the candidate has no such output") == 3
    assert problems.count("shape 4×5×3, the reference has 1×4×5×3") == 1
    assert {backend for _, _, backend, _, _ in record.ranges} == {*found, "generic"}


def test_outputs_are_kept_under_the_hands_number() -> None:
    record, _ = recorded()
    kept = record.raw["tiny"]
    assert sorted(kept) == sorted(f"{name}/{OUTPUT}#1" for name in chosen_subject().backends)
    assert record.inputs == {"tiny": [digest(IMAGE)]}


def test_a_backend_that_is_spared_is_not_run() -> None:
    def never(images: np.ndarray) -> dict[str, np.ndarray]:
        raise AssertionError("it ran")

    record = Record("case", "0" * 64, "own", 5, 4, spared=frozenset({"tflite-ref"}))
    found = compare_raw(record, chosen_subject(tflite_ref=never), IMAGE, "case", keep_raw=False)
    assert "tflite-ref" not in found and "torch" in found
    assert "tflite-ref" not in {key.backend for key, _, _ in record.entries}


def test_time_is_the_backends() -> None:
    record, subject = Record("case", "0" * 64, "own", 5, 4), chosen_subject()
    assert timed(record, subject, "torch", lambda: 7) == 7
    timed(record, subject, "torch", lambda: 7)
    assert list(record.seconds) == ["tiny"] and record.seconds["tiny"]["torch"] > 0
