"""A report that is written names no folder of the machine that made it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from blazepalm.reports.judge.report import Failure
from blazepalm.reports.report_folder import save_report
from support.report_samples import passing, typed


def test_no_file_holds_a_local_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    report = typed(passing())
    first, second, *rest = report.models
    first = replace(first, source=f"{elsewhere}/deep/palm.tflite")
    note = f"{elsewhere}/deep/tuned holds another file"
    other = "compared with /usr/bin/env, not with /model/conv2d/Conv2D"
    notes = (note, "in a/relative/one", other)
    second = replace(second, source=f"{here}/models/hand.task", notes=notes)
    missing = f"{tmp_path}/home/x.tflite"
    failed = Failure(missing, f"{missing}: does not exist", 2)
    report = replace(
        report,
        models=(first, second, *rest),
        failures=(failed,),
        options=replace(report.options, images=(f"{elsewhere}/pictures", "mine/*.png")),
    )
    written = save_report(report, here / "out")
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text and "/elsewhere" not in text, path
    stored = (here / "out" / "parity.json").read_text(encoding="utf-8")
    assert '"palm.tflite"' in stored and '"models/hand.task"' in stored
    assert '"x.tflite: does not exist"' in stored and '"in a/relative/one"' in stored
    assert '"tuned holds another file"' in stored
    assert '"compared with env, not with /model/conv2d/Conv2D"' in stored
    assert '"pictures"' in stored and '"mine/*.png"' in stored
