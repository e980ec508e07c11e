"""`blazepalm doctor`: what it says of this machine is what others say, and what is missing is named
with the command that installs it."""

import platform
import sys
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import pytest

from blazepalm.cli import doctor
from blazepalm.reports.backends import registry
from blazepalm.reports.backends.registry import registered
from support.cli import Cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return doctor.examine()


def test_versions_are_those_of_the_metadata(values: dict[str, Any]) -> None:
    assert values["schema"] == "blazepalm-doctor/1"
    assert values["python"].endswith(platform.python_version())
    assert values["base"]["numpy"] == version("numpy")
    parts = {part["part"]: part for part in values["parts"]}
    for name in ("torch", "coreml", "tflite"):
        for distribution, found in parts[name]["versions"].items():
            assert parts[name]["here"] == (found is not None)
            assert found is None or found == version(distribution)


def test_every_extra_is_a_part() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"all", "dev", "docs"}
    assert {part.extra for part in doctor.PARTS} == extras
    for part in doctor.PARTS:
        listed = " ".join(PROJECT["optional-dependencies"][part.extra])
        assert all(distribution in listed for _, distribution in part.distributions)


def test_every_backend_is_named(values: dict[str, Any]) -> None:
    assert [row["name"] for row in values["backends"]] == list(registered())
    for row in values["backends"]:
        assert row["here"] == (row["missing"] is None)
    if sys.platform != "darwin":
        apple = [row for row in values["backends"] if "macOS" in (row["missing"] or "")]
        assert apple


def test_a_part_that_is_hidden_is_missing_and_said_how_to_get(
    monkeypatch: pytest.MonkeyPatch, blazepalm: Cli
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "ray" else real(name))
    result = blazepalm("doctor")
    assert result.code == 0
    words = " ".join(result.out.split())
    assert "ray missing: parity on a cluster" in words
    assert "parity on a cluster pip install 'blazepalm[ray]'" in words
    assert max(map(len, result.out.splitlines())) <= 80


def test_what_is_installed_and_broken_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, blazepalm: Cli
) -> None:
    mine = EntryPoint("mine", "no_such_module:BACKEND", registry.GROUP)
    monkeypatch.setattr(registry, "points", lambda: (mine,))
    result = blazepalm("doctor", "--json")
    assert result.code == 1
    assert result.json["backends"] == []
    (problem,) = result.json["problems"]
    assert problem.startswith("backend mine (no_such_module:BACKEND) cannot be loaded: No module")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(doctor, "_version", lambda name: "9.9")
    result = blazepalm("doctor")
    assert result.code == 1
    assert "pip install --force-reinstall ray" in " ".join(result.err.split())


def test_a_report_names_no_home(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BLAZEPALM_URL", "https://user:password@example.org/")
    text = str(doctor.examine())
    assert str(tmp_path) not in text and "password" not in text
    assert "BLAZEPALM_URL" in text


def test_without_torch_its_backends_are_missing_not_broken(
    monkeypatch: pytest.MonkeyPatch, blazepalm: Cli
) -> None:
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "torch" else real(name))
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [n for n in sys.modules if n.startswith("blazepalm.reports.backends.torch_")]:
        monkeypatch.delitem(sys.modules, name)
    result = blazepalm("doctor", "--json")
    assert (result.code, result.json["problems"]) == (0, [])
    rows = {row["name"]: row for row in result.json["backends"]}
    assert "pip install 'blazepalm[torch]'" in rows["torch_generic"]["missing"]
    assert rows["tflite"]["here"]
    hidden = ("torch", "ai-edge-litert")
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in hidden else real(name))
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    result = blazepalm("doctor", "--json")
    assert (result.code, result.json["problems"]) == (0, [])
    rows = {row["name"]: row for row in result.json["backends"]}
    assert "pip install 'blazepalm[tflite]'" in rows["tflite"]["missing"]
