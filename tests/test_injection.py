"""Names that a stranger chooses, in every place that shows them: markup, escape sequences of
terminals, line breaks, changes of direction, bytes that are no UTF-8, formulas of spreadsheets.
"""

import csv
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from coremltools.proto.Model_pb2 import Model
from markdown_it import MarkdownIt
from PIL import Image
from rich.console import Console

from blazepalm.converter.convert import module_of
from blazepalm.converter.coreml.export import export
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.reports.hands import finder
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.render.html import render_html
from blazepalm.reports.render.junit import junit
from blazepalm.reports.render.markdown import markdown
from blazepalm.reports.render.terminal import print_report
from support import report_samples
from support.cli import Cli
from support.hostile_names import ALL, NAMES, ON_DISK, shown
from support.junit_rules import broken_rules
from support.tflite_builder import ModelBuilder


@pytest.fixture(scope="module")
def report() -> ParityReport:
    """A report in which every name that somebody can choose holds all of these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_samples, "HOSTILE", ALL)
        return report_samples.typed(report_samples.hostile())


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_page(report: ParityReport) -> None:
    """The elements are those of a harmless report. `test_browser.py` opens one in Chromium."""
    text = render_html(report)
    elements = Elements(text).found
    assert [tag for tag, _ in elements].count("script") == 2
    for tag, attributes in elements:
        assert tag != "img" or dict(attributes).get("src") != "x"
        for key, value in attributes:
            assert not key.startswith("on")
            assert key not in ("href", "src") or not (value or "").lower().startswith("javascript:")
    assert all(line.isprintable() or line.expandtabs().isprintable() for line in text.split("\n"))


def test_junit(report: ParityReport) -> None:
    """Well-formed, and by the rules of the schema that Jenkins and pytest use."""
    root = ElementTree.fromstring(junit(report).encode("utf-8"))
    assert broken_rules(root) == []
    said = [value for element in root.iter() for value in element.attrib.values()]
    assert_harmless("".join(said))
    assert any(shown(ALL) in value for value in said)


def test_markdown(report: ParityReport) -> None:
    """No HTML but our own folds, no link, no picture; nothing unprintable."""
    text = markdown(report)
    assert all(line.isprintable() for line in text.split("\n"))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inside = [child for token in tokens for child in token.children or ()]
    assert not [t for t in inside if t.type in ("link_open", "image", "html_inline")]
    blocks = [t.content for t in tokens if t.type == "html_block"]
    fold = re.compile(r"<details><summary>[^<>]*</summary>\n?|</details>\n?")
    assert all(fold.fullmatch(block) for block in blocks)


def test_terminal(report: ParityReport) -> None:
    written = io.StringIO()
    print_report(report, Console(file=written, width=120, markup=False, emoji=False))
    assert_harmless(written.getvalue())


def test_notebook(report: ParityReport) -> None:
    """What Jupyter shows of a report: HTML without an element that a name asked for."""
    tags = {tag for tag, _ in Elements(report._repr_html_()).found}
    assert tags and not tags & {"script", "img", "a"}


@pytest.fixture
def no_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hand at the same place in every picture, with a gesture that a model has named."""
    hand = {
        "score": 0.9,
        "box": [0.1] * 4,
        "keypoints": [[0.5, 0.5]] * 7,
        "presence": 0.9,
        "handedness": "left",
        "handedness_score": 0.9,
        "landmarks": None,
        "tracked": False,
        "world_landmarks": None,
        "gesture": "=1+1",
        "gesture_score": 0.5,
    }
    models = {"detector": "a", "landmarks": "b", "backend": "torch", "rule": "solutions"}
    found = finder.Finder(
        models, 7, lambda image: [hand], lambda: lambda image: [hand], gestures=True
    )
    monkeypatch.setattr(finder, "open_finder", lambda *_, **__: found)


@pytest.mark.usefixtures("no_hands")
@pytest.mark.parametrize("kind", ON_DISK)
def test_a_pictures_name(
    kind: str, blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the terminal, in JSON on it and in a file, in CSV; what is read back is the name."""
    picture = NAMES[kind].replace("/", "") + ".png"
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / picture)
    done = blazepalm("detect", *("--csv", "a.csv", "--output-json", "a.json"), "--", picture)
    assert done.code == 0, done.err
    assert_harmless(done.out), assert_harmless(done.err)
    text = (tmp_path / "a.json").read_text("utf-8")
    assert_harmless(text)
    assert json.loads(text)["frames"][0]["source"] == picture
    assert_harmless(blazepalm("detect", "--json", "--", picture).out)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    for column in ("source", "gesture"):
        assert row[column].isprintable() and row[column][0] not in "=+-@\t\r"
    formula = picture[0] in "=+-@\t\r"
    assert row["source"] == ("'" if formula else "") + shown(picture)
    assert row["gesture"] == "'=1+1"


@pytest.mark.usefixtures("no_hands")
def test_a_name_that_is_no_text(blazepalm: Cli, tmp_path: Path) -> None:
    """Invalid UTF-8, as disks allow it."""
    raw = os.fsencode(tmp_path) + b"/a\xff\xc0b.png"
    try:
        with open(raw, "wb") as file:
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "PNG")
    except OSError:
        pytest.skip("this disk refuses such names")
    table = tmp_path / "a.csv"
    done = blazepalm("detect", os.fsdecode(raw), "--json", "--csv", table)
    assert done.code == 0, done.err
    assert_harmless(done.out)
    assert json.loads(done.out)["frames"][0]["source"] == os.fsdecode(raw)
    assert "a\\udcff\\udcc0b.png" in table.read_text("utf-8")


def test_core_ml_metadata(tmp_path: Path) -> None:
    """All names at once in one model; what the package says of it can be printed."""
    model = ModelBuilder(description="".join(NAMES.values()).encode("utf-8", "replace").decode())
    texts = [text for kind, text in NAMES.items() if kind != "surrogate"]
    last = image = model.tensor((1, 4, 4, 3), name=texts[0])
    for text in texts[1:]:
        after = model.tensor((1, 4, 4, 3), name=text)
        model.operator("RELU", [last], [after])
        last = after
    path = tmp_path / "m.tflite"
    path.write_bytes(model.build([image], [last]))
    converted = module_of(path, notice=lambda note: None)
    package = export(converted, tmp_path / "out", CoreMLOptions(face="raw"))
    written = tmp_path / "out" / package.name / "Data/com.apple.CoreML/model.mlmodel"
    description = Model.FromString(written.read_bytes()).description
    ports = [*description.input, *description.output]
    words = [text for port in ports for text in (port.name, port.shortDescription)]
    metadata = description.metadata
    words += [metadata.shortDescription, metadata.author, metadata.license]
    words += [text for pair in metadata.userDefined.items() for text in pair]
    assert len(words) > 8
    assert [ascii(word) for word in words if not word.replace("\n", "").isprintable()] == []


def assert_harmless(text: str) -> None:
    """Nothing that a terminal could obey but the ends of lines."""
    assert text
    assert sorted({ascii(c) for c in text if not c.isprintable() and c != "\n"}) == []
