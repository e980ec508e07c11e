"""The report is the same except for its timing, whichever engine runs the tasks in any order."""

import json
import socket
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.errors import CouldNotVerify, InvalidInput
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import Case, noise_cases
from blazepalm.reports.compare.record import Record
from blazepalm.reports.engine.engine import PROCESSES, RAY, THREADS, records
from blazepalm.reports.engine.plan import Plan
from blazepalm.reports.parity import parity
from support.slow_run import slow_subject
from support.small_golden import small_golden
from support.tiny import Answer, chosen_subject, doubling, off_by


def texts(folder: Path, **settings: Any) -> str:
    """The report of two releases on a small golden set, as JSON without its timing."""
    report = parity(
        "palm-lite",
        "hand-lite",
        golden=small_golden(folder),
        noise=1,
        coreml=False,
        folder=folder / "out",
        **settings,
    )
    assert report.passed and report.cases_total == 4
    values = report.to_dict()
    assert values.pop("timing")["models"][0]["seconds"]["tflite"] > 0
    return json.dumps(values, allow_nan=False)


def raw_files(folder: Path) -> dict[str, bytes]:
    paths = sorted((folder / "out" / "raw").rglob("*"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.is_file()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes]]:
    """The same run by one thread."""
    folder = tmp_path_factory.mktemp("alone")
    return texts(folder, workers=1), raw_files(folder)


def test_three_threads_change_nothing(alone: tuple[str, dict[str, bytes]], tmp_path: Path) -> None:
    """(Two processes: `tests/reports/test_parity.py`.)"""
    assert texts(tmp_path, engine=THREADS, workers=3) == alone[0]
    assert raw_files(tmp_path) == alone[1]
    assert len(alone[1]) == 2 * 4 - 1, "no hand is in one of the scenes"


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_by_its_address_does_what_it_has_processors_for(
    alone: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Two machines with one processor each: a third worker would wait forever. The report and the
    raw files are those of one thread.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        assert texts(tmp_path, engine=RAY, workers=3, address=cluster.address) == alone[0]
        assert raw_files(tmp_path) == alone[1]
    finally:
        cluster.shutdown()


def test_no_cluster_at_the_address(tmp_path: Path) -> None:
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            CouldNotVerify, match=f"^Ray at {address}: .*refused.*is the cluster running"
        ):
            parity(file, noise=2, engine=RAY, address=address, coreml=False)


def test_processes_share_the_packages_that_were_exported(tmp_path: Path) -> None:
    """Without images the float16 packages are left out in every process."""
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    found = [
        parity(file, noise=3, engine=engine, workers=2).to_dict() for engine in (THREADS, PROCESSES)
    ]
    assert "coreml-mil" in {row["backend"] for row in found[0]["rows"]}
    for values in found:
        values.pop("timing")
    assert found[0] == found[1] and found[0]["passed"]


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    file = tmp_path / "tiny.tflite"
    file.write_bytes(doubling())
    with pytest.raises(CouldNotVerify, match=r"blazepalm\[ray\]"):
        parity(file, noise=2, engine=RAY, coreml=False)


EXACT = off_by(0.0)


def run(
    cases: Iterator[Case], answer: Answer = EXACT, *, workers: int = 2, engine: str = THREADS
) -> list[list[Record]]:
    groups = [Group(other=chosen_subject(torch=answer))]
    return list(records(Plan((), ()), groups, cases, engine=engine, workers=workers))


def test_records_come_in_the_cases_order_whoever_is_first() -> None:
    gate = threading.Barrier(2, timeout=20)
    turn = iter(range(100))

    def uneven(images: np.ndarray) -> dict[str, np.ndarray]:
        if next(turn) < 2:
            gate.wait()  # two are really in work at once
        return off_by(0.0)(images)

    found = run(noise_cases(9, 0), uneven, workers=3)
    assert [r.case for (r,) in found] == [f"noise-{i:04d}" for i in range(9)]


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InvalidInput, match="threads, processes or ray"):
        run(noise_cases(1, 0), engine="magic")


def test_few_cases_are_held_at_once() -> None:
    alive: list[weakref.ref[Case]] = []
    most = 0

    def watched() -> Iterator[Case]:
        nonlocal most
        for case in noise_cases(60, 0):
            alive.append(weakref.ref(case))
            yield case
            del case
            most = max(most, sum(ref() is not None for ref in alive))

    assert len(run(watched())) == 60
    assert 0 < most <= 8


def test_progress_is_told_once_a_case() -> None:
    done_counts: list[int] = []
    groups = [Group(other=slow_subject(name, 0.0)) for name in "ab"]
    found = records(
        Plan((), ()),
        groups,
        noise_cases(4, 0),
        engine=THREADS,
        workers=3,
        on_case=done_counts.append,
    )
    assert len(list(found)) == 4 and done_counts == [1, 2, 3, 4]


def test_an_error_in_a_backend_ends_the_run() -> None:
    begun: list[int] = []

    def failing(images: np.ndarray) -> dict[str, np.ndarray]:
        begun.append(1)
        raise CouldNotVerify("it cannot")

    with pytest.raises(CouldNotVerify, match="it cannot"):
        run(noise_cases(200, 0), failing)
    assert len(begun) < 10, "what had not begun was cancelled"
