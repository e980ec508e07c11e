"""Files that find nothing in any picture. Whether a rendered hand was found is typed by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.reports.backends.names import TFLITE, TFLITE_INTEGER
from blazepalm.reports.cases.blind import found_nothing, rendered_records
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.parity import parity
from blazepalm.reports.stored.read import report_from
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.models import shared_file

NEVER = 2.0  # a threshold that no probability reaches
INTEGERS = "palm-full_0_full_integer_quant.tflite"


@pytest.fixture(scope="module")
def integers() -> Subject:
    """Other people's int8 detector, which finds hands."""
    content = shared_file(INTEGERS).read_bytes()
    return open_subject(INTEGERS, content, workers=1, packages=None, only=(TFLITE, TFLITE_INTEGER))


def blinded(subject: Subject) -> Subject:
    """The same detector, which finds nothing, whatever it is shown."""
    spec = replace(subject.rules.spec, score_threshold=NEVER)  # type: ignore[union-attr, arg-type]
    return replace(subject, rules=replace(subject.rules, spec=spec))  # type: ignore[type-var]


def test_a_file_that_finds_no_hand_at_all_is_equal_and_useless(
    integers: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*args: Any, **settings: Any) -> Subject:
        return blinded(integers)

    monkeypatch.setattr("blazepalm.reports.engine.plan.open_subject", opened)
    Image.fromarray(np.full((96, 96, 3), 60, np.uint8)).save(tmp_path / "grey.png")
    path = shared_file(INTEGERS)
    report = parity(path, images=(str(tmp_path),), noise=1, coreml=False)
    assert (report.verdict, report.exit_code) == ("equal, and useless", 1)
    (row,) = [row for row in report.rows if row.stage == "rendered truth"]
    assert (row.metric, row.value, row.inputs, row.status) == ("recall", 0.0, 2, "fail")
    assert "palms, recall: 0; at least 0.77 passes" in row.reasons[0]
    assert report_from(report.to_dict(), "this run").verdict == report.verdict


def test_pictures_without_a_hand_are_not_the_files_fault(integers: Subject) -> None:
    grey = Case("grey", "own", np.full((96, 96, 3), 60, np.uint8))
    record = compare_case(Group(palm=integers), grey)
    assert found_nothing([key for key, *_ in record.entries], integers)
    records = rendered_records(integers)
    shares = [
        share.value  # type: ignore[union-attr]
        for found in records
        for key, _, share in found.entries
        if key.metric == "recall"
    ]
    assert [found.case for found in records] == ["rendered-right", "rendered-left"]
    assert shares == [1.0, 1.0]
    assert not found_nothing([], integers), "no picture was compared"
