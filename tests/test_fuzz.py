"""A short run of `make fuzz` on a fixed seed: no damaged file of these kinds escapes."""

import sys
from pathlib import Path

import pytest
from fuzz.outcomes import ESCAPES, FINE, SENTENCE, TRACEBACK, Escaped, fuzz, judge
from fuzz.readers import READERS, Reader

MUTANTS = {
    "tflite-bytes": 150,
    "results": 200,
    "manifests": 25,
    "recordings": 400,
    "journals": 400,
    "server": 300,
    "registry": 30,
    "pictures": 400,
    "videos": 200,
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process on Windows")


@pytest.mark.parametrize("name", MUTANTS)
def test_nothing_escapes(name: str) -> None:
    found = fuzz(READERS[name], MUTANTS[name], seed=0)
    assert found.mutants == MUTANTS[name]
    assert not {kind for kind in found.kinds if kind[0] in ESCAPES}
    assert found.counts[FINE]  # not all the damage is total
    assert found.counts[SENTENCE] or name == "journals"  # their damaged records are dropped


@pytest.mark.parametrize("outcome", ESCAPES)
def test_what_escapes_is_told_apart(outcome: str, tmp_path: Path) -> None:
    def run(*_: object) -> None:
        if outcome == TRACEBACK:
            raise ZeroDivisionError
        raise Escaped(outcome, "why")

    reader = Reader("planted", lambda folder: None, run)
    found, _ = judge(reader, None, 0, 0, tmp_path)
    assert found == outcome


@pytest.mark.parametrize(
    ("name", "seed", "number"),
    [
        ("results", 0, 1325),  # half a surrogate pair where only some text is allowed
        ("recordings", 0, 304),
        ("recordings", 2, 38),  # … and where any text is
        ("server", 0, 11),  # a status line with its line break in the message
    ],
)
def test_what_has_escaped_before(name: str, seed: int, number: int, tmp_path: Path) -> None:
    reader = READERS[name]
    outcome, why = judge(reader, reader.corpus(tmp_path / "corpus"), seed, number, tmp_path)
    assert outcome in (FINE, SENTENCE), why
