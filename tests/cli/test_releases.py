"""`blazepalm releases` and `releases fetch`, the network replaced by file: URLs."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from blazepalm.models.release_registry import WEIGHTS, load_registry
from blazepalm.models.releases import by_name, resolve
from support.cli import Cli
from support.models import shared_model


def test_table_names_every_release_in_80_columns(blazepalm: Cli) -> None:
    result = blazepalm("releases")
    assert result.code == 0
    for asset in load_registry().assets:
        assert asset.name in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "…" not in result.out
    row = next(line for line in result.out.splitlines() if line.startswith("hand-full-2022"))
    assert "11c272b8  e6b92cdc" in row  # of the file, of the network
    assert result.out.count("embedded") == 4 + 1  # and once in the legend


def test_wide_table_says_more(blazepalm: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    result = blazepalm("releases")
    assert "2944" in result.out and "-1..1" in result.out and "2020-05-21" in result.out


def test_json_holds_everything(blazepalm: Cli) -> None:
    result = blazepalm("releases", "--json")
    found = {release["name"]: release for release in result.json["releases"]}
    assert len(found) == 20
    assert found["palm-full-2023-09"]["aliases"] == ["palm-full"]
    assert found["palm-full-2023-09"]["here"].endswith("palm_detection_full.tflite")
    assert found["palm-2020-11"]["here"] is None
    assert found["hand-full-2022"]["network_sha256"] == by_name("hand-full").network_sha256  # type: ignore[union-attr]
    assert found["gesture-recognizer-1"]["family"] == "bundle"
    generation = result.json["generations"][found["palm-2020-11"]["generation"]]
    assert generation["value_range"] == [-1.0, 1.0]
    assert generation["ssd"]["strides"] == [8, 16, 16, 16]


def test_fetch_puts_it_where_its_name_finds_it(blazepalm: Cli, cache: Path) -> None:
    source = shared_model("hand-recrop-2020-07")
    result = blazepalm("releases", "fetch", "hand-recrop-2020-07", "--url", source.as_uri())
    assert result.code == 0, result.err
    path = cache / "hand-recrop-2020-07.tflite"
    assert result.out == f"hand-recrop-2020-07: fetched, {path}\n"
    assert "of 123792 bytes" in result.err
    assert resolve("hand-recrop-2020-07").read_bytes() == source.read_bytes()
    again = blazepalm("releases", "fetch", "hand-recrop-2020-07", "--url", "file:///nowhere")
    assert again.code == 0
    assert "fetched before" in again.out
    assert "fetched" in blazepalm("releases").out


def test_fetch_from_a_mirror(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (WEIGHTS / "palm_detection_full.tflite").read_bytes()
    (tmp_path / "palm-full-2021-11.tflite").write_bytes(content)
    monkeypatch.setenv("BLAZEPALM_URL", f"{tmp_path.as_uri()}/{{name}}.tflite")
    result = blazepalm("releases", "fetch", "palm-full-2021-11")
    assert result.code == 2  # another file than that release, and only found out by its hash
    assert "expected 2f25e740121983f6" in result.err


def test_template_with_an_unknown_place(blazepalm: Cli) -> None:
    result = blazepalm("releases", "fetch", "palm-2020-11", "--url", "file:///{nothing}")
    assert result.code == 2
    assert "takes {name}, {file} and {sha256}" in result.err


def test_damaged_cache_is_fetched_anew(blazepalm: Cli, cache: Path) -> None:
    source = shared_model("hand-recrop-2020-07")
    (cache / "hand-recrop-2020-07.tflite").write_bytes(b"damaged")
    result = blazepalm("releases", "fetch", "hand-recrop-2020-07", "--url", source.as_uri())
    assert result.code == 0
    assert resolve("hand-recrop-2020-07").read_bytes() == source.read_bytes()


def test_unknown_hash_is_printed_with_a_warning(blazepalm: Cli, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"what nobody has recorded")
    digest = hashlib.sha256(b"what nobody has recorded").hexdigest()
    url = (tmp_path / "x").as_uri()
    result = blazepalm("releases", "fetch", "palm-2019-08", "--url", url, "--json")
    assert result.code == 0
    assert result.json["sha256"] == digest
    assert "warning: palm-2019-08: no SHA-256 is known" in result.err
    assert digest in result.err


def test_embedded_release_needs_no_network(blazepalm: Cli) -> None:
    result = blazepalm("releases", "fetch", "palm-full", "--json")
    assert result.json["how"] == "embedded"
    assert result.json["sha256"] == by_name("palm-full").sha256


def test_output_is_a_copy_and_replaced_only_by_force(blazepalm: Cli, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "x.tflite"
    assert blazepalm("releases", "fetch", "palm-full", "-o", target).code == 0
    assert target.read_bytes() == resolve("palm-full").read_bytes()
    target.write_bytes(b"mine")
    refused = blazepalm("releases", "fetch", "palm-full", "-o", target)
    assert refused.code == 2
    assert "exists already" in refused.err
    assert target.read_bytes() == b"mine"
    assert blazepalm("releases", "fetch", "palm-full", "-o", target, "--force").code == 0
    assert target.read_bytes() != b"mine"


def test_output_folder_takes_the_release_name(blazepalm: Cli, tmp_path: Path) -> None:
    assert blazepalm("releases", "fetch", "palm-lite", "-o", tmp_path).code == 0
    assert (tmp_path / "palm-lite-2021-11.tflite").stat().st_size == 1985440


def test_failure_names_url_and_way_out(blazepalm: Cli, cache: Path) -> None:
    result = blazepalm("releases", "fetch", "hand-recrop-2020-07", "--url", "http://127.0.0.1:1/x")
    assert result.code == 2
    assert result.out == ""
    line = result.err.splitlines()[-1]
    assert line.startswith("error: hand-recrop-2020-07 cannot be fetched: http://127.0.0.1:1/x: ")
    assert "mediapipe==0.10.21" in line
    assert f"put it at {cache / 'hand-recrop-2020-07.tflite'}" in line
    assert list(cache.iterdir()) == []


def test_unknown_name(blazepalm: Cli) -> None:
    result = blazepalm("releases", "fetch", "palm-ful")
    assert result.code == 2
    assert "did you mean palm-full" in result.err


def test_fetch_a_bundle_by_its_alias(
    blazepalm: Cli, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official file is not available to tests, so the registry gets the hash of a stand-in."""
    source = tmp_path / "hand_landmarker.task"
    with zipfile.ZipFile(source, "w") as archive:
        for name, model in by_name("hand-landmarker").members:  # type: ignore[union-attr]
            archive.writestr(name, shared_model(model).read_bytes())
    source.write_bytes(bytes(2) + source.read_bytes())
    url = f"{tmp_path.as_uri()}/{{file}}"
    wrong = blazepalm("releases", "fetch", "hand-landmarker", "--url", url)
    assert wrong.code == 2
    assert "expected fbc2a30080c3c557" in wrong.err or "expected at most 7819105" in wrong.err
    assert list(cache.iterdir()) == []

    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    registry = load_registry()
    bundles = tuple(replace(b, sha256=digest, bytes=None) for b in registry.bundles)
    monkeypatch.setattr(
        "blazepalm.models.releases.load_registry", lambda: replace(registry, bundles=bundles)
    )
    result = blazepalm("releases", "fetch", "hand-landmarker", "--url", url)
    assert result.code == 0, result.err
    assert result.out == f"hand-landmarker-1: fetched, {cache / 'hand-landmarker-1.task'}\n"
    anchors = blazepalm("anchors", "hand-landmarker:hand_detector.tflite", "--json")
    assert anchors.json["release"] == "palm-full-2023-09"
    assert blazepalm("anchors", "hand-landmarker", "--json").json["shape"] == [2016, 4]
