"""Runs what the README shows: its Python verbatim, its commands one after another."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import blazepalm
from support.api_reference import PAGE, page
from support.cli import Cli
from support.models import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder that contains only photo.jpg."""
    shutil.copy(ROOT / "docs" / "photo.jpg", tmp_path / "photo.jpg")
    return tmp_path


def test_python_examples_run(desk: Path) -> None:
    blocks = fenced("python")
    assert blocks
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)], cwd=desk, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "PalmDetector(" in done.stdout
    assert (desk / "drawn.png").is_file()
    assert (desk / "report" / "parity.html").is_file()
    assert (desk / "tuned" / "model.tflite").is_file()


def test_python_examples_have_types(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text("\n".join(fenced("python")), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ".mypy_cache", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_is_made_from_the_docstrings() -> None:
    made = page()
    assert PAGE.read_text(encoding="utf-8") == made, "run python tests/support/api_reference.py"
    for name in blazepalm.__all__:
        assert name == "__version__" or f"\n## {name}\n" in made
        assert name == "__version__" or getattr(blazepalm, name).__doc__


def test_commands_run(blazepalm: Cli, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    commands = [
        shlex.split(line[2:], comments=True)
        for block in fenced("console")
        for line in block.splitlines()
    ]
    ours = [c for c in commands if c[0] == "blazepalm"]
    assert len(ours) >= 7
    for command in ours:
        done = blazepalm(*command[1:])
        assert done.code == 0, f"{shlex.join(command)}: {done.err}"
    assert (desk / "palm-full" / "model.safetensors").is_file()
    assert (desk / "drawn.png").is_file()
    made = {c[1] for c in commands if c[0] == "make"}
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert made and all(re.search(rf"^{target}:", rules, re.MULTILINE) for target in made)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link
