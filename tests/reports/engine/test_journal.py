"""An interrupted run resumes where it stopped and ends with the same report. Runs are really
killed, at random moments.
"""

import copy
import json
import os
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import msgpack

from blazepalm.atomic import part_of
from blazepalm.errors import ArtifactError
from blazepalm.reports.cases.inputs import Case, noise_cases
from blazepalm.reports.compare.hands import ListedHand, ListedTruth
from blazepalm.reports.compare.record import Record, from_bytes, to_bytes
from blazepalm.reports.compare.rows import MEAN, Key, Scalar
from blazepalm.reports.compare.tensors import TensorDifference, TensorRange
from blazepalm.reports.engine.journal import JOURNAL, Journal, remove_journal
from support import slow_run
from support.models import ROOT

KILLS = int(os.environ.get("BLAZEPALM_KILLS", "3"))

KEY = Key("model", "raw outputs", "isolated", "boxes", "torch", "oracle")
RECORD = Record(
    case="noise-0000",
    sha256=next(noise_cases(1, 0)).sha256,
    kind="noise",
    width=0,
    height=0,
    truth=(ListedTruth((0.0, 1.0, 2.0, 3.0), ((0.5, 1.5),) * 21, "left"),),
    entries=[
        (
            KEY,
            "noise-0000",
            TensorDifference(3, max_abs=float("inf"), worst=((0, 1), 1.0, float("nan"))),
        ),
        (KEY, "noise-0000#1", Scalar(0.25, MEAN, "px", 2.0)),
        (KEY, "noise-0000#2", TensorDifference(problem="no such output")),
    ],
    ranges=[
        ("model", "raw outputs", "torch", "boxes", TensorRange((1, 2), -1.0, None, 1, False, "ab"))
    ],
    inputs={"model": ["ff"]},
    seconds={"model": {"torch": 0.25}},
    hands={"a + b": {"torch": (ListedHand((0.0,) * 4, 0.5, ((1.0, 2.0, 3.0),) * 21, 0.5, None),)}},
)
CASE = next(noise_cases(1, 0))


def start(folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "support.slow_run", str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def count(folder: Path) -> int:
    """The number of records that a run has written."""
    return len(list((folder / JOURNAL).glob("*.msgpack.z")))


def test_killed_and_resumed_it_gives_the_same(tmp_path: Path) -> None:
    moments = random.SystemRandom()
    whole, resumed = slow_run.run(tmp_path / "whole")
    assert resumed == 0 and whole["total"] == slow_run.CASES
    folder = tmp_path / "killed"
    for _ in range(KILLS):
        process = start(folder)
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        before = count(folder)
        while count(folder) == before and process.poll() is None:  # on a slow machine, for long
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.3))
        process.kill()
        process.communicate()
    assert count(folder), "nothing was done before it was killed"
    out, _ = start(folder).communicate()
    found = json.loads(out.splitlines()[-1])
    assert found["values"] == json.loads(json.dumps(whole)) and found["resumed"] > 0
    assert not (folder / JOURNAL).exists()
    assert files(folder / "raw") == files(tmp_path / "whole" / "raw") != {}


def interrupted(folder: Path, cases: int) -> None:
    """A run that ends in an error after a number of cases."""

    def some() -> Any:
        yield from noise_cases(cases, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slow_run.run(folder, cases=some(), workers=1)


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    interrupted(tmp_path, 7)
    whole, _ = slow_run.run(None)
    values, resumed = slow_run.run(tmp_path)
    assert values == whole and 2 * 5 <= resumed <= 2 * 7  # two groups; one or two were in work


def test_another_plan_begins_anew(tmp_path: Path) -> None:
    interrupted(tmp_path, 7)
    _, resumed = slow_run.run(tmp_path, seed=1)
    assert resumed == 0


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no record"),
        zlib.compress(b"[]"),
        zlib.compress(b"{}"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"case": 1}')[:-3],
        zlib.compress(
            msgpack.encode({**msgpack.decode(to_bytes(RECORD)), "entries": [[1, 2, 3, 4]]})
        ),
    ],
    ids=range(8),
)
def test_a_damaged_record_is_computed_again(damage: bytes, tmp_path: Path) -> None:
    interrupted(tmp_path, 7)
    for path in (tmp_path / JOURNAL).glob("0000002-*.msgpack.z"):
        path.write_bytes(damage)
    values, resumed = slow_run.run(tmp_path)
    assert values == slow_run.run(None)[0] and resumed < 2 * 7


@pytest.mark.parametrize("plan", [None, b"", b"\xff\xfe", b"{}"])
def test_a_journal_that_was_hardly_begun_is_no_obstacle(plan: bytes | None, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).mkdir()
    if plan is not None:
        (tmp_path / JOURNAL / "plan.json").write_bytes(plan)
    plan_path = tmp_path / JOURNAL / "plan.json"
    part_of(plan_path, f"-{0:016x}.json").write_bytes(b"ha")
    values, resumed = slow_run.run(tmp_path)
    assert resumed == 0 and values == slow_run.run(None)[0]


def test_a_record_is_of_one_case_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL, {})
    journal.write(0, 0, RECORD)
    assert repr(journal.read(0, 0, CASE)) == repr(RECORD) and journal.resumed == 1
    assert journal.read(0, 1, CASE) is None and journal.read(1, 0, CASE) is None
    assert journal.read(0, 0, Case("another", "noise", None)) is None
    assert journal.read(0, 0, Case("noise-0000", "noise", None, seed=1)) is None
    assert journal.resumed == 1


def test_a_record_comes_back() -> None:
    assert repr(from_bytes(to_bytes(RECORD))) == repr(RECORD)


def test_a_journal_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ArtifactError, match="cannot be written"):
        Journal(tmp_path / "file" / JOURNAL, {})


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / JOURNAL
    Journal(folder, {}).write(0, 0, RECORD)
    (folder / "thesis.tex").write_text("years of work")
    before = files(tmp_path)
    for plan in ({}, {"another": 1}):
        with pytest.raises(ArtifactError, match=r"holds 'thesis\.tex', which no parity run wrote"):
            Journal(folder, plan)
    assert files(tmp_path) == before
    (folder / "thesis.tex").unlink()
    journal = Journal(folder, {"another": 1})
    assert journal.read(0, 0, CASE) is None
    (folder / "thesis.tex").write_text("years of work")  # while it runs
    journal.write(0, 0, RECORD)
    remove_journal(journal.folder)
    assert files(tmp_path) == {"thesis.tex": b"years of work"}


def test_any_changed_bit_is_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL, {})
    journal.write(0, 0, RECORD)
    path = next((tmp_path / JOURNAL).glob("*.msgpack.z"))
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )
        assert journal.read(0, 0, CASE) is None
        path.write_bytes(whole[:place])
        assert journal.read(0, 0, CASE) is None
    path.write_bytes(whole)
    assert repr(journal.read(0, 0, CASE)) == repr(RECORD)


@pytest.mark.parametrize("value", [None, 0, -1, 1e308, "x", [], [1], {}, {"a": 1}, True])
def test_values_of_another_kind_are_found(value: Any, tmp_path: Path) -> None:
    """Records that unpack, each with one value replaced by one of another type, at every place."""
    journal = Journal(tmp_path / JOURNAL, {})
    journal.write(0, 0, RECORD)
    path = next((tmp_path / JOURNAL).glob("*.msgpack.z"))
    good = msgpack.decode(to_bytes(RECORD))
    seen = 0
    for place in places(good):
        changed = copy.deepcopy(good)
        inside = changed
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = value
        path.write_bytes(path.read_bytes()[:32] + zlib.compress(msgpack.encode(changed), 1))
        assert journal.read(0, 0, CASE) is None or changed == good
        seen += 1
    assert seen > 50


def places(values: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value."""
    inside: Any = ()
    if isinstance(values, dict):
        inside = values.items()
    elif isinstance(values, list):
        inside = enumerate(values)
    for key, value in inside:
        yield (*above, key)
        yield from places(value, (*above, key))
