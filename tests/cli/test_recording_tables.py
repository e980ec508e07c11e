"""The table of `golden check`: long names go on in the next line, between their words."""

from io import StringIO

import pytest
from rich.console import Console

from blazepalm.cli.recording_tables import NAME_WIDTH, table
from blazepalm.reports.recording.check import CaseCheck, RecordingCheck
from blazepalm.reports.recording.recording import ModelName, Models
from blazepalm.text import folded_name

MODELS = Models(ModelName("a", "0" * 64), ModelName("b", "1" * 64), "tflite")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("own-open", ["own-open"]),
        ("own-two-hands-in-the-garden", ["own-two-", "hands-in-", "the-garden"]),
        ("own_IMG.2025", ["own_IMG.", "2025"]),
        ("a--b~2", ["a--b~2"]),
        ("", [""]),
        ("photographed-yesterday", ["photograph", "ed-", "yesterday"]),  # too long for any line
    ],
)
def test_names_fold_between_words(name: str, lines: list[str]) -> None:
    found = folded_name(name, 10).split("\n")
    assert found == lines and "".join(found) == name


def test_the_table_fits_80_columns() -> None:
    checks = (CaseCheck("own-a-hand-in-the-kitchen-by-lamp-light", 1, 2, 1),)
    stream = StringIO()
    Console(file=stream, width=80).print(table(RecordingCheck(MODELS, MODELS, checks)))
    first = [line[: NAME_WIDTH + 1].strip() for line in stream.getvalue().splitlines()]
    assert "own-a-hand-in-the-" in first and "kitchen-by-lamp-light" in first
    assert "differs" in stream.getvalue() and "1 → 2" in stream.getvalue()
