"""What is worst, an unknown file, and accuracy below the known releases' are said first, in every
form of the report.
"""

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.compare.rows import FAIL, PASS, TRUTH
from blazepalm.reports.judge.judge_rows import judge_row
from blazepalm.reports.judge.known_accuracy import worse_than_known
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.report import ParityReport, as_stored, concluded
from blazepalm.reports.judge.tightest import tightest
from blazepalm.reports.render.first_words import below_known, unknown_files, worst
from blazepalm.reports.render.html.summary import masthead
from blazepalm.reports.render.junit import junit
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.render.terminal import print_report
from support.report_samples import failing, passing, typed

HAND = "hand-full-2022"


@pytest.fixture(scope="module")
def holds() -> ParityReport:
    return typed(passing())


def with_row(report: ParityReport, change: dict[str, Any], **where: Any) -> ParityReport:
    """The report with its first row of these fields changed and judged again."""
    rows = list(report.rows)
    number = next(
        i for i, r in enumerate(rows) if all(getattr(r, k) == v for k, v in where.items())
    )
    rows[number] = judge_row(replace(rows[number], **change), LIMITS)
    return as_stored(concluded(report, rows=tuple(rows)))


def printed(report: ParityReport) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=400))
    return stream.getvalue()


def iou(report: ParityReport, value: float) -> ParityReport:
    change = {"value": value, "worst_case": "fist", "spread": None}
    return with_row(
        report, change, model="palm-full-2023-09", metric="IoU", backend="coreml-mil-fp16"
    )


def test_the_tightest_of_what_passes(holds: ParityReport) -> None:
    """0.9921 of at least 0.99 uses 0.0079 / 0.01 of what may be lost."""
    found = iou(holds, 0.9921)
    said = (
        "tightest: palm-full-2023-09, coreml-mil-fp16 (float16), boxes, IoU on fist: 79 % of its "
        "limit (0.992; at least 0.99 passes)"
    )
    tight = worst(found)
    assert tight is not None and tight.sentence == said
    assert found.to_dict()["tightest"]["share"] == pytest.approx(0.79)
    assert found.rows[tight.row].metric == "IoU"
    assert said in printed(found) and said in junit(found)
    assert "Tightest: palm-full-2023-09" in markdown(found).split("| model")[0]
    assert masthead(found, [])["worst"] == (tight.row, f"T{said[1:]}")


def test_the_worst_of_what_fails_and_where_it_begins() -> None:
    found = typed(failing())
    tight = worst(found)
    assert tight is not None and found.rows[tight.row].status == FAIL
    row = found.rows[tight.row]
    shares = [r.value / r.limit for r in found.rows if r.judge == "floor" and r.value and r.limit]
    assert tight.share == pytest.approx(max(shares)) and row.backend == "torch"
    assert tight.sentence.startswith(f"worst: {HAND}, torch (float32), {row.field}, {row.metric}")
    assert "the first wrong layer is operator 20 DEPTHWISE_CONV_2D" in tight.sentence


def test_nothing_finite_is_worse_than_any_number(holds: ParityReport) -> None:
    broken = {"value": None, "reasons": ("3 values of torch are NaN or infinite",)}
    found = with_row(iou(holds, 0.5), broken, model=HAND, backend="torch", judge="floor")
    tight = worst(found)
    assert tight is not None and tight.share is None
    assert "are NaN or infinite" in tight.sentence


def test_what_the_file_finds_is_named_only_if_it_fails(holds: ParityReport) -> None:
    where = {"model": HAND, "stage": TRUTH, "metric": "recall"}
    close = with_row(holds, {"value": 0.771}, **where)
    tight = worst(close)
    assert tight is not None and close.rows[tight.row].stage != TRUTH
    failed = with_row(holds, {"value": 0.3}, **where)
    tight = worst(failed)
    assert tight is not None and "the file itself, hands, recall" in tight.sentence


def test_nothing_judged_has_no_worst(holds: ParityReport) -> None:
    assert tightest([], holds.models) is None
    empty = concluded(holds, rows=(), models=())
    assert worst(empty) is None and "ightest" not in markdown(empty) + printed(empty)


def test_an_unknown_file_is_said_first(holds: ParityReport) -> None:
    first, *rest = holds.models
    altered = replace(first, release=None, alike="palm-lite-2021-11")
    found = as_stored(concluded(holds, models=(altered, *rest)))
    said = f"{first.name} is no known release (SHA-256 {first.sha256[:8]}…), but has weights of"
    assert said in unknown_files(found)[first.name]
    assert said in markdown(found).split("| model")[0]
    assert "an altered or re-exported copy" in printed(found)
    assert any(said in line for line in masthead(found, [])["warnings"])
    text = junit(found)
    assert text.count("<skipped") == junit(holds).count("<skipped") + 1
    assert 'name="known release"' in text and said in text
    assert unknown_files(holds) == {}
    strange = replace(altered, alike=None, family=None)
    assert "of no known family" in unknown_files(concluded(holds, models=(strange,)))[first.name]
    guessed = replace(altered, alike=None, value_range_from="names")
    told = unknown_files(concluded(holds, models=(guessed,)))[first.name]
    assert told.endswith("its value range was found by names")


def unknown(report: ParityReport) -> ParityReport:
    """The report with a landmark model that is no known release."""
    models = [replace(m, release=None) if m.name == HAND else m for m in report.models]
    return concluded(report, models=tuple(models))


def test_a_known_release_is_not_marked(holds: ParityReport) -> None:
    """Beside another release's detector, each finds less than with its own."""
    where = {"model": HAND, "stage": TRUTH, "metric": "joint error", "mode": "cascade"}
    found = with_row(holds, {"value": 0.12, "inputs": 41}, **where)
    worse = tuple(replace(entry, hands=44, recall=0.5) for entry in found.accuracy)
    found = concluded(found, accuracy=worse)
    assert worse and list(below_known(found)) == []
    pairs = [line for line in below_known(unknown(found)) if " + " in line]
    assert len(pairs) == len({entry.pair for entry in worse}), "a line a pair, not a backend"


@pytest.mark.parametrize(("value", "marked"), [(0.085, False), (0.0854, False), (0.12, True)])
def test_accuracy_below_the_known_releases(holds: ParityReport, value: float, marked: bool) -> None:
    """hand-3d-2019-08, the worst known, has joint errors of 0.085 palm sizes; 0.21 passes."""
    where = {"model": HAND, "stage": TRUTH, "metric": "joint error", "mode": "cascade"}
    found = with_row(unknown(holds), {"value": value, "inputs": 41}, **where)
    row = next(r for r in found.rows if all(getattr(r, k) == v for k, v in where.items()))
    assert row.status == PASS
    assert (worse_than_known(row, found) is not None) == marked
    said = "worse than any known release (at most 0.085)"
    for text in (markdown(found), printed(found), junit(found)):
        assert (said in " ".join(text.split()).replace("&#8203;", "")) == marked
    assert ("0.12!" in printed(found)) == marked
    assert any(said in line for line in masthead(found, [])["warnings"]) == marked


def test_other_pictures_are_not_compared_with_the_known_releases(holds: ParityReport) -> None:
    where = {"model": HAND, "stage": TRUTH, "metric": "joint error"}
    strange = unknown(holds)
    fewer = with_row(strange, {"value": 0.2, "inputs": 7}, **where)
    assert list(below_known(fewer)) == list(below_known(strange))
    elsewhere = with_row(strange, {"value": 0.2, "inputs": 41}, **where)
    assert elsewhere.golden is not None
    other = concluded(elsewhere, golden=replace(elsewhere.golden, version=7))
    assert list(below_known(other)) == [] != list(below_known(elsewhere))
