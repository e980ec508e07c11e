"""The table of models and runtimes: worst floors, LiteRT's bits, pixels."""

import io

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.compare.rows import LANDMARKS
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.render.runtimes import Cell, runtime_names, runtimes
from blazepalm.reports.render.terminal import print_report
from support.report_samples import passing, typed
from support.tiny import STEP, chosen_subject, off_by, report_of


def test_floors_and_bits_are_those_of_each_runtime() -> None:
    """LiteRT is off by STEP, the floor is 2 STEP: what is off as LiteRT is has its bits and half a
    floor; three steps are one floor and a half from the truth.
    """
    report = report_of(chosen_subject(executorch=off_by(STEP), coreai_mil=off_by(3 * STEP)))
    ((_, cells),) = runtimes(report)
    found = {cell.runtime: cell[1:] for cell in cells}
    assert found["executorch"] == ("pass", "0.5 ×", "3 of 3", "–")
    assert found["coreai-mil"] == ("pass", "1.5 ×", "0 of 3", "–")
    assert runtime_names(report) == list(found)


@pytest.fixture(name="report", scope="module")
def _report() -> ParityReport:
    """A report with Core AI in place of the executor: the same numbers under another name."""
    found = typed(passing())
    rows = tuple(
        replace(row, backend="coreai-mil-fp16") if row.backend == "coreml-mil-fp16" else row
        for row in found.rows
    )
    models = [
        replace(
            model,
            backends=tuple(
                replace(b, name="coreai-mil-fp16") if b.name == "coreml-mil-fp16" else b
                for b in model.backends
            ),
        )
        for model in found.models
    ]
    return replace(found, rows=rows, models=tuple(models))


def test_pixels_are_the_worst_of_the_task_s_rows(report: ParityReport) -> None:
    worst = {
        row.model: row.value
        for row in report.rows
        if (row.backend, row.stage, row.metric) == ("coreai-mil-fp16", LANDMARKS, "largest error")
    }
    cells = {m: c for m, cs in runtimes(report) for c in cs if c.runtime == "coreai-mil-fp16"}
    assert worst
    for model, value in worst.items():
        assert value is not None
        number, unit = cells[model].task.split(" ")
        assert unit == "px" and np.isclose(float(number), value, rtol=5e-3)


def test_a_runtime_without_a_column_has_a_line(report: ParityReport) -> None:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=80))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    (heading,) = [i for i, line in enumerate(lines) if line.startswith("other runtimes")]
    assert any(line.startswith("  coreai-mil-fp16 ") for line in lines[heading:])
    assert not any(line.startswith("  torch ") for line in lines[heading : heading + 3])


def test_markdown_names_the_processor(report: ParityReport) -> None:
    named = replace(report, machine=replace(report.machine, processor="Z80 | at 4 MHz"))
    text = markdown(named)
    assert "Models and runtimes, on Z80 &#124; at 4 MHz" in text
    assert "| coreai-mil-fp16 |" in text


def test_a_cell_leaves_out_what_it_does_not_know() -> None:
    assert Cell("x", "pass", "1 ×", "2 of 3", "–").text == "1 ×, 2 of 3 bits"
    assert Cell("x", "not_run", "–", "–", "–").text == "–"
