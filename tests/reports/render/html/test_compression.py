"""Compressed folders in the page, and the record that they come from: arithmetic on paper."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from blazepalm.errors import ArtifactError
from blazepalm.reports.render.html import page
from blazepalm.reports.render.html.compression import compressions, size_curve
from blazepalm.reports.subjects.compression import Compression, Tried, compression_of
from support.report_samples import COMPRESSION


def test_a_curve() -> None:
    """1 MB and 2 MB lie at the two ends, 0 and 0.4 px at bottom and top; the smallest choice within
    60 % of the limits is the package, and what found no hand has no place.
    """
    tried = (
        Tried(2_000_000, 0.0, 0.0),
        Tried(1_500_000, 0.6, 0.1),
        Tried(1_000_000, 0.61, 0.4),
        Tried(900_000, None, None),
    )
    curve = size_curve(Compression(2, tried, {}))
    assert curve is not None
    dots = curve["dots"]
    assert [dot["x"] for dot in dots] == [64.0, 380.0, 696.0]  # of 64 … 720 − 24
    assert [dot["y"] for dot in dots] == [26.0, 168.5, 216.0]  # of 26 … 260 − 44
    assert [dot["chosen"] for dot in dots] == [False, True, False]
    assert [dot["within"] for dot in dots] == [False, True, True]
    assert curve["path"] == "M64.0 26.0L380.0 168.5L696.0 216.0"
    assert [tick["text"] for tick in curve["across"]] == ["1.00", "1.25", "1.50", "1.75", "2.00"]
    assert size_curve(Compression(0, (), {})) is None


def test_one_choice_is_drawn_in_the_middle() -> None:
    curve = size_curve(Compression(1, (Tried(1000, 0.0, 0.0),), {}))
    assert curve is not None and [dot["x"] for dot in curve["dots"]] == [380.0]


def test_the_page_has_curve_and_dearest_layers() -> None:
    models = [
        SimpleNamespace(name="palm", compression=COMPRESSION),
        SimpleNamespace(name="hand", compression=None),
    ]
    (entry,) = compressions(SimpleNamespace(models=models))  # type: ignore[arg-type]
    (prices,) = entry["prices"]
    assert len(prices["layers"]) == 12 and prices["more"] == 3 and prices["boxes"]
    section = page._environment().get_template("compression.html.j2").render(compressions=[entry])
    assert 'id="compression"' in section and section.count("<circle") == 5
    assert section.count("this package") == 2 and "2.15 MB" in section
    assert "3 more layers are in parity.json" in section and "a hand lost" in section
    assert "backbone.<wbr>stage1.<wbr>add" in section


def written(folder: Path, **record: object) -> Path:
    values = {"schema": "blazepalm-conversion/1", "artifacts": {}, **record}
    (folder / "conversion.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


PRICE = {"layer": "a", "operation": "ADD", "used": 0.5, "pixels": 0.1, "iou": None}


def test_a_folders_record(tmp_path: Path) -> None:
    package = {"name": "P.mlpackage", "measured": [[10, 0.5, 0.1]], "weights": {"w": "int8"}}
    integers = {"price": {**PRICE, "layer": ""}, "layers": [PRICE], "ranges": [], "quantizer": "1"}
    found = compression_of(written(tmp_path, coreml=package, int8_tflite=integers))
    assert found is not None
    assert found.weights == 1 and found.curve == (Tried(10, 0.5, 0.1),)
    assert [row.layer for row in found.prices["model.int8.tflite"]] == ["", "a"]
    assert compression_of(written(tmp_path, coreml={"name": "P.mlpackage"})) is None
    assert compression_of(written(tmp_path, coreml=None)) is None


@pytest.mark.parametrize(
    "record",
    [
        {"coreml": {"name": "P", "measured": [[1, 2]]}},
        {"coreml": {"name": "P", "measured": [["a", 0, 0]]}},
        {"coreml": {"name": "P", "prices": [{"layer": "a"}]}},
        {"coreml": {"prices": [PRICE]}},
        {"coreml": []},
        {"coreml": "x"},
        {"int8_tflite": []},
        {"int8_tflite": {"price": PRICE, "layers": 3}},
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, record: dict[str, object]) -> None:
    if record == {"coreml": []}:
        assert compression_of(written(tmp_path, **record)) is None  # as good as none
        return
    with pytest.raises(ArtifactError, match=r"conversion\.json: damaged") as failure:
        compression_of(written(tmp_path, **record))
    assert "\n" not in str(failure.value)
