"""A row that passes beyond its fixed limit, because its picture allows that, says so everywhere."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.compare.rows import LANDMARKS, PASS
from blazepalm.reports.compare.spread import Spread
from blazepalm.reports.judge.judge_rows import judge_row
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.report import ParityReport, as_stored, concluded
from blazepalm.reports.render.html.page_data import page_data
from blazepalm.reports.render.html.summary import matrix
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.render.terminal import print_report
from support.report_samples import passing, typed

BACKEND, KEY = "coreml-mil-fp16", (LANDMARKS, "landmarks", "largest error")
ALLOWED = Spread(
    median=0.03, p99=0.4, sensitivity=2.63, measured=1, beyond=0.4, beyond_case="open-right#0"
)


@pytest.fixture(scope="module")
def report() -> ParityReport:
    found = typed(passing())
    rows = list(found.rows)
    number = next(
        i for i, r in enumerate(rows) if (r.backend, r.stage, r.output, r.metric) == (BACKEND, *KEY)
    )
    rows[number] = judge_row(replace(rows[number], value=0.678, spread=ALLOWED), LIMITS)
    assert rows[number].status == PASS
    return as_stored(concluded(found, rows=tuple(rows)))


def test_the_terminal_marks_it(report: ParityReport) -> None:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=120))
    assert "0.678*" in stream.getvalue()
    assert "* beyond the limit, as far as noise of half a grey level moves float32" in (
        stream.getvalue()
    )


def test_markdown_says_why(report: ParityReport) -> None:
    text = markdown(report)
    assert "Beyond a limit, as far as the picture allows" in text
    assert "landmarks, largest error: 0.678 px; at most 0.5 passes, but half a grey level" in text
    assert "moves float32 there to 2.63" in text


def test_the_page_shows_what_the_picture_allows(report: ParityReport) -> None:
    cells = [cell for line in matrix(report)["lines"] for cell in line["cells"] if cell]
    (cell,) = [cell for cell in cells if "its picture allows" in cell["about"]]
    assert (cell["value"], cell["about"]) == (
        "0.678 px",
        "largest error, its picture allows 2.63 px",
    )
    assert cell["status"] == PASS and cell["used"] == 26
    table = page_data(report, [None] * len(report.cases))["rows"]
    (row,) = [line for line in table["lines"] if line[table["columns"].index("allowed")]]
    shown = dict(zip(table["columns"], row, strict=True))
    assert (shown["sensitivity"], shown["most"], shown["median"]) == (2.63, 0.4, 0.03)
