"""Runs what the README shows: its Python verbatim, its commands one after another."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_commands_run(desk: Path) -> None:
    commands = [
        shlex.split(line[2:], comments=True)
        for block in fenced("console")
        for line in block.splitlines()
    ]
    ours = [c for c in commands if c[0] == "blazepalm"]
    assert len(ours) >= 7
    for command in ours:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=desk, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
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
