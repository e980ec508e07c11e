"""The report as Markdown, read back by an independent parser."""

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from blazepalm.reports.judge.task_limits import worst_first
from blazepalm.reports.render.markdown import MAX_CHARACTERS, escape, markdown
from support import report_samples
from support.report_samples import typed

PARSER = MarkdownIt("commonmark").enable("table")
ZERO_WIDTH = "\u200b"

NASTY = (
    "| a | b |",
    "a\n\n# heading\n- item",
    "`code` ``x``",
    "**bold** _it_ *it* ~~gone~~",
    "<script>alert(1)</script><img src=x onerror=y>",
    "</details><!-- -->",
    "[text](https://example.org) ![i](x)",
    "https://example.org www.example.org WWW.example.org a@b.org",
    "@someone #12 &lt; &#64; $x^2$",
    "\\| \\\\",
    "tab\tand \x1b[2J\u202e\ud800",
)


def cells(text: str) -> list[list[str]]:
    """Tables' rows as plain text."""
    found: list[list[str]] = []
    inside = False
    for token in PARSER.parse(text):
        if token.type in ("tr_open", "tr_close"):
            inside = token.type == "tr_open"
            found += [[]] if inside else []
        elif token.type == "inline" and inside:
            kinds = {child.type for child in token.children or []}
            assert kinds <= {"text", "text_special"}, (token.content, kinds)
            found[-1].append("".join(child.content for child in token.children or []))
    return found


@pytest.mark.parametrize("name", NASTY)
def test_nothing_is_markup(name: str) -> None:
    text = f"| a | b |\n| --- | --- |\n| {escape(name)} | second |\n\npast {escape(name)}"
    rows = cells(text)
    assert len(rows) == 2 and len(rows[1]) >= 2
    shown, second = rows[1]
    assert second == "second"
    plain = " ".join(name.split()).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if plain.isprintable() and "\ud800" not in name:
        assert shown.replace(ZERO_WIDTH, "") == plain
    assert not re.search("[@#](?!\u200b)", shown), "nobody is notified, nothing is linked"
    kinds = {
        child.type
        for token in PARSER.parse(f"past {escape(name)}")
        for child in token.children or []
    }
    assert kinds <= {"text", "text_special"}
    assert escape(name).isprintable()


def test_no_link_in_the_source() -> None:
    """GitHub links bare addresses, unlike this parser, so they must not appear."""
    text = escape("https://example.org http://x www.example.org")
    assert "://" not in text and "www." not in text


def test_verdict_and_matrix() -> None:
    text = markdown(typed(report_samples.passing()))
    assert text.startswith("## ✅ Parity holds\n\n4 models, 14 inputs (2 photographs), ")
    table = cells(text)
    assert [unquoted(c) for c in table[0]] == [
        "model", "oracle", "tflite", "tflite-ref", "generic", "torch", "coreml-mil",
        "coreml-mil-fp16", "coreml-mil-app",
    ]  # fmt: skip
    by_model = {row[0]: row for row in table[1:5]}
    row = by_model["✅ palm-full-2023-09"]
    assert row[1] == "reference" and re.fullmatch(r"✅ [\d.]+×", row[5])
    assert "What fails" not in text and "Self-test: 96 of 96" in text
    assert "LiteRT's bits: torch 12 of 144 outputs, coreml-mil 12 of 144." in unquoted(text)
    for name, label in list(report_samples.BACKENDS.items())[4:]:
        assert f"- {name}: {label[0]}" in unquoted(text)


def test_failing_rows_worst_first() -> None:
    report = report_samples.failing()
    text = markdown(typed(report))
    assert text.startswith("## ❌ Parity fails")
    table = next(rows for rows in _tables(text) if unquoted(rows[0][-1]) == "why")
    assert len(table) == 1 + len([r for r in report["rows"] if r["status"] == "fail"])
    assert all(row[0] == "hand-full-2022" for row in table[1:])
    bits = [row for row in table[1:] if row[2] == "torch against generic"]
    assert table[1 : 1 + len(bits)] == bits, "61 where nothing may be is beyond any factor"
    assert "HARD&#95;SWISH" in text and "### No verdict" in text


def test_worst_first_is_by_times_the_limit() -> None:
    rows = typed(report_samples.passing()).rows
    floor = [row for row in rows if row.judge == "floor"]
    ordered = worst_first(floor)
    times = [row.value / row.limit for row in ordered if row.value and row.limit]
    assert times == sorted(times, reverse=True) and len(times) == len(floor)


def test_other_limits_are_said() -> None:
    report = report_samples.passing()
    report["default_limits"] = False
    report["limits"]["iou"] = 0.5
    assert "**The limits are not the defaults:**" in markdown(typed(report))
    assert "iou 0.5" in markdown(typed(report))


def test_it_fits_a_comment_and_says_what_does_not() -> None:
    report = report_samples.failing()
    assert len(markdown(typed(report))) < 65_536
    assert "Too long for a comment" not in markdown(typed(report))
    for row in report["rows"]:
        row["reasons"] = ["x" * 2000]
        row["status"] = "fail"
    text = markdown(typed(report))
    assert "*Too long for a comment, see the report: " in text
    assert len(text) < MAX_CHARACTERS + 2000


@pytest.mark.parametrize("sample", [report_samples.hostile, report_samples.failing])
def test_whole_reports_are_inert_and_the_same(sample: Any) -> None:
    report = sample()
    text = markdown(typed(report))
    assert text == markdown(typed(report))
    html = [t.content for t in PARSER.parse(text) if t.type == "html_block"]
    allowed = re.compile(r"<details><summary>[^<>]*</summary>\n?|</details>\n?")
    assert html and all(allowed.fullmatch(block) for block in html)
    cells(text)
    assert all(line.isprintable() for line in text.splitlines())


def _tables(text: str) -> list[list[list[str]]]:
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        found.append(cells(block))
    return found


def unquoted(text: str) -> str:
    return text.replace(ZERO_WIDTH, "")
