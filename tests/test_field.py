"""`make bench-field`: its cells, and the tables made of them. Nothing is installed here."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from field import cells, environments, table
from field.process import FailedError, Worker, last_line, measure
from field.tools import ENVIRONMENTS, OWN, TOOLS, Environment, Tool

TOOL = Tool("their tool", (("theirs", ("-c", "")),), ("theirs", "run_onnx.py"))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of environments, empty; cells go beside it."""
    monkeypatch.setenv("BLAZEPALM_FIELD", str(tmp_path / "environments"))
    monkeypatch.setattr(cells, "CELLS", tmp_path / "cells")
    return tmp_path / "environments"


def counted(facts: dict[str, Any]) -> tuple[Callable[[], dict[str, Any]], list[int]]:
    calls: list[int] = []

    def make() -> dict[str, Any]:
        calls.append(1)
        return facts

    return make, calls


def test_a_cell_is_measured_once(made: Path) -> None:
    python = made / "theirs" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    make, calls = counted({"floors": 2.0})
    first = cells.cell(TOOL, "palm", "conversion", make)
    assert first["floors"] == 2.0
    assert cells.cell(TOOL, "palm", "conversion", make) == first
    assert len(calls) == 1
    cells.cell(TOOL, "hand", "conversion", make)
    assert len(calls) == 2, "each release has a cell of its own"


def test_a_missing_environment_is_told_until_it_is_there(made: Path) -> None:
    made.mkdir()
    (made / "theirs.error").write_text("No matching distribution found for theirs==9\n")
    make, calls = counted({"floors": 2.0})
    for _ in range(2):
        found = cells.cell(TOOL, "palm", "conversion", make)
        assert found["missing"] == (
            "environment theirs: No matching distribution found for theirs==9"
        )
    assert not calls
    python = made / "theirs" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert cells.cell(TOOL, "palm", "conversion", make)["floors"] == 2.0
    assert "missing" not in cells.cell(TOOL, "palm", "conversion", make)


def test_a_tools_error_is_its_cell(made: Path) -> None:
    python = made / "theirs" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()

    def make() -> dict[str, Any]:
        raise FailedError("IndexError: list index out of range")

    found = cells.cell(TOOL, "palm", "conversion", make)
    assert found["error"] == "IndexError: list index out of range"
    assert not cells.converts(TOOL.name, "palm")


def test_what_cannot_be_installed_leaves_its_reason(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried, the others in spite of it, and those that are there are left alone."""

    def make(place: Path, environment: Environment) -> str | None:
        (place / "bin").mkdir(parents=True)
        if place.name == "onnx2tf":
            return "no such version"
        (place / "bin" / "python").touch()
        return None

    monkeypatch.setattr(environments, "_make", make)
    environments.make_all()
    assert environments.missing("onnx2tf") == "environment onnx2tf: no such version"
    assert not (made / "onnx2tf").exists(), "half an environment would pass for a whole one"
    assert all(environments.missing(name) is None for name in ENVIRONMENTS if name != "onnx2tf")
    monkeypatch.setattr(environments, "_make", lambda place, environment: pytest.fail(place.name))
    (made / "onnx2tf" / "bin").mkdir(parents=True)
    (made / "onnx2tf" / "bin" / "python").touch()
    environments.make_all()


def test_every_tool_names_what_there_is() -> None:
    for tool in TOOLS:
        assert tool.environments <= set(ENVIRONMENTS)
        assert (cells.WORKERS / tool.runs[1]).is_file()
    pins = [pin for made in ENVIRONMENTS.values() for pin in (*made.packages, *made.alone)]
    assert all("==" in pin for pin in pins), "an environment without pins is another next month"


def answers(path: Path, **outputs: Any) -> Path:
    np.savez(path, **{name.replace("_floor", " floor"): value for name, value in outputs.items()})
    return path


def test_differences_on_paper(tmp_path: Path) -> None:
    """Two outputs of one size, swapped: 0.5 off, with a floor of 0.25 and a peak of 4, is two
    floors and an eighth. As they lie, the first would be 6 off.
    """
    one, two = np.array([[4.0, 1.0]]), np.array([[-2.0, 2.0]])
    wanted = answers(tmp_path / "a.npz", x=one, x_floor=0.25, y=two, y_floor=0.25)
    found = tmp_path / "b.npz"
    np.savez(found, two, one + np.array([[0.5, 0.0]]))
    assert cells.differences(found, wanted) == {"floors": 2.0, "relative": 0.125}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([[np.nan, 1.0]]), "not finite"),
        (np.array([[4.0, 1.0, 1.0]]), "outputs of \\[3\\] values"),
    ],
)
def test_wrong_outputs_fail(tmp_path: Path, value: Any, message: str) -> None:
    wanted = answers(tmp_path / "a.npz", x=np.array([[4.0, 1.0]]), x_floor=0.25)
    np.savez(tmp_path / "b.npz", value)
    with pytest.raises(FailedError, match=message):
        cells.differences(tmp_path / "b.npz", wanted)


def test_a_spread_on_paper() -> None:
    """Of 1, 2, 3, 4 and 5 the quartiles are 2 and 4; one round has none."""
    assert cells.spread([5, 1, 4, 2, 3]) == {"median": 3, "low": 2, "high": 4}
    assert cells.spread([7]) == {"median": 7, "low": 7, "high": 7}


def test_an_error_in_one_line() -> None:
    said = "Traceback:\n  File x\n\nValueError: /a/b-c/model.tflite has  no PAD\n\n"
    assert last_line(said, 1) == "ValueError: model.tflite has no PAD"
    assert last_line("x", -11) == "killed by signal 11"
    assert last_line("", 3) == "exit code 3"
    assert len(last_line("x" * 999, 1)) == 160


def test_a_commands_error_and_cost() -> None:
    assert measure([sys.executable, "-c", "b'x' * (64 << 20)"], {}).peak_bytes > 64 << 20
    with pytest.raises(FailedError, match="^ZeroDivisionError: division by zero$"):
        measure([sys.executable, "-c", "1 / 0"], {})


def serving() -> ModuleType:
    path = cells.WORKERS / "serving.py"
    spec = importlib.util.spec_from_file_location("serving", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_batch_that_changes_the_answers_is_none() -> None:
    """A conversion with a written-out batch of 1 may answer with the first image for all."""
    module = serving()
    images = np.arange(12, dtype=np.float32).reshape(3, 1, 1, 4)
    networks = {
        True: lambda given: [given * 2],
        False: lambda given: [np.repeat(given[:1], len(given), axis=0)],
    }
    for expected, run in networks.items():
        assert module.takes_batches(module.Network(run), images) is expected

    def refusing(given: np.ndarray) -> list[np.ndarray]:
        if len(given) > 1:
            raise ValueError("takes one image")
        return [given]

    assert not module.takes_batches(module.Network(refusing), images)


def test_a_worker_answers_and_its_death_is_told(tmp_path: Path) -> None:
    script = tmp_path / "run_double.py"
    script.write_text(
        "import sys\n"
        "from serving import Network, serve\n"
        "def open_network(folder, threads):\n"
        "    print('a runtime that talks')\n"
        "    return Network(lambda images: [images * 2] if images[0, 0, 0, 0] < 9 else 1 / 0)\n"
        "serve(open_network)\n"
    )
    images = np.arange(12, dtype=np.float32).reshape(4, 1, 1, 3)
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, script, tmp_path, tmp_path / "images.npy", "1"]
    with Worker(command, {"PYTHONPATH": str(cells.WORKERS)}, tmp_path) as worker:
        assert worker.ready() == {"batched": True}
        assert worker.ask(batch=2)["seconds"] >= 0
        assert worker.ask(outputs=str(tmp_path / "o.npz"), count=3) == {}
        with np.load(tmp_path / "o.npz") as found:
            np.testing.assert_array_equal(found["arr_0"], images[:3].reshape(3, 3) * 2)
    np.save(tmp_path / "images.npy", images + 9)
    with Worker(command, {"PYTHONPATH": str(cells.WORKERS)}, tmp_path) as worker:
        assert worker.ready() == {"batched": False}, "it refused the batch"
        with pytest.raises(FailedError, match="^ZeroDivisionError: division by zero$"):
            worker.ask(batch=1)


def facts(*found: dict[str, Any], load: float = 0.5) -> dict[str, Any]:
    machine = {"processor": "a processor", "processors": 2}
    given = [{"load": load, **one} for one in found]
    return {"machine": machine, "versions": {"torch": "2"}, "cells": given}


def test_the_tables_of_recorded_cells() -> None:
    name, palm, hand = "tf2onnx, onnx2torch", "palm-lite-2021-11", "hand-full-2022"
    of = {"tool": name, "release": palm}
    half = {"median": 0.5, "low": 0.4, "high": 0.75}
    two = {"median": 2, "low": 2, "high": 2}
    cost = {"floors": 1.234, "relative": 3e-6, "time_ratio": two, "memory_ratio": half}
    rows = [
        {"batch": 1, "batched": False, "ratio": half},
        {"batch": 32, "batched": False, "ratio": two},
    ]
    text = table.markdown(
        facts(
            {**of, "kind": "conversion", **cost},
            {**of, "kind": "speed-1", "speed": rows},
            {"tool": name, "release": hand, "kind": "conversion", "error": "KeyError: 'a|b'"},
            {"tool": "mediapipe-1.2.3", "release": "", "kind": "picture", "missing": "no wheel"},
        )
    )
    lines = text.splitlines()
    assert f"| tool | {palm} | {hand} |" in lines
    assert f"| {name} | 1.23 (3e-06) | ✗ |" in lines
    assert f"- {name}: `KeyError: 'a|b'` ({hand})" in lines
    assert f"| {name} | 2.00 / 0.50 (0.40–0.75) | – |" in lines
    assert f"| {palm} | {name} | 0.50 (0.40–0.75) | 2.00 ¹ | – | – |" in lines
    assert "| mediapipe-1.2.3 | ✗ | no wheel | – |" in lines
    assert "rough" not in text
    assert "9 at most, so times are rough" in table.markdown(facts({**of, "kind": "x"}, load=9))


def test_the_page_is_what_the_tool_makes_of_its_facts() -> None:
    kept = json.loads(table.FACTS.read_text(encoding="utf-8"))
    assert kept["cells"]
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.inserted(page, table.markdown(kept)) == page
    assert environments.python_of(OWN) == Path(sys.executable)
