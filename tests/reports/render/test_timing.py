"""When a run began, how long it took and on which commit: in its timing and in every form."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from msgspec.structs import replace

from blazepalm.reports.judge.assemble import git_commit
from blazepalm.reports.judge.report_parts import ModelSeconds, Timing
from blazepalm.reports.render.html import render_html
from blazepalm.reports.render.junit import junit
from blazepalm.reports.render.markdown import markdown
from support.report_samples import passing, typed

COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_every_form_has_date_duration_and_commit() -> None:
    report = typed(passing())
    seconds = (ModelSeconds(report.models[1].name, {"tflite": 1.25, "torch": 2.5}),)
    timing = Timing(41.7, 0, seconds, started="2026-01-31T12:00:00Z", commit=COMMIT)
    report = replace(report, timing=timing)
    for text in (markdown(report), render_html(report)):
        assert COMMIT in text and "2026-01-31T12" in text and "41.7 s" in text
    root = ET.fromstring(junit(report))
    assert root.get("time") == "41.7"
    suite = root.findall("testsuite")[1]
    assert (suite.get("time"), suite.get("timestamp")) == ("3.75", "2026-01-31T12:00:00Z")
    assert suite.find("testcase[@name='verdict']").get("time") == "3.75"  # type: ignore[union-attr]


def test_an_older_report_lacks_them() -> None:
    values = passing()
    for name in ("started", "commit"):
        del values["timing"][name]
    report = typed(values)
    assert report.timing.commit is None and "git commit" not in markdown(report)
    assert "timestamp" not in junit(report)


def test_markdown_says_how_much_float16_uses() -> None:
    """The sample's float16 rows: 0.237 of 0.5 px at most, 0.0018 of 0.01 in IoU."""
    lines = markdown(typed(passing())).splitlines()
    (hand,) = [line for line in lines if line.startswith("| ✅ hand-full-2022")]
    assert "✅ 47 % of largest error 0.5 px" in hand


def test_the_commit_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit() is None
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q"], check=True)
    assert git_commit() is None, "nothing is committed"
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    told = subprocess.run(["git", "log", "--format=%H"], capture_output=True, text=True, check=True)
    assert git_commit() == told.stdout.strip()
    monkeypatch.setenv("PATH", "")
    assert git_commit() is None
