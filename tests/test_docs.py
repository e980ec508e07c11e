"""The site's sources: its commands are valid, the notebook runs, what the pages name is there.
`make docs` builds the site itself, where a broken link is an error."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from blazepalm.cli.app import COMMANDS, command
from support.models import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.glob("*.md") if path.name != "api.md")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def commands() -> list[tuple[str, list[str]]]:
    """Each command of the pages' console blocks, with its page."""
    return [
        (page.name, shlex.split(line.removeprefix("$ "), comments=True))
        for page in PAGES
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def test_the_pages_commands_are_valid() -> None:
    application: Any = command(tuple(COMMANDS))
    ours = [(page, words) for page, words in commands() if words[0] == "blazepalm"]
    assert len(ours) > 12
    for _, words in ours:
        found, rest, path = application, words[1:], "blazepalm"
        while hasattr(found, "commands") and rest and rest[0] in found.commands:
            path, found, rest = rest[0], found.commands[rest[0]], rest[1:]
        found.make_context(path, rest)  # raises on bad usage
    targets = {words[1] for _, words in commands() if words[0] == "make"}
    assert targets and all(re.search(rf"^{name}:", MAKEFILE, re.MULTILINE) for name in targets)


def test_the_sites_pages_are_all_in_its_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    nav = set(re.findall(r": ([\w/]+\.md)$", text, re.MULTILINE))
    made = {"notebook.md", "releases/index.md"}  # by docs/hooks.py
    assert nav == {page.name for page in PAGES} | made


def test_the_notebook_runs(tmp_path: Path) -> None:
    document = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in document["cells"] if c["cell_type"] == "code"]
    assert len(cells) >= 5
    assert all(c.get("outputs", []) == [] for c in document["cells"])  # nothing stale is kept
    shutil.copy(DOCS / "photo.jpg", tmp_path / "photo.jpg")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(cells)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "hands; " in done.stdout
    assert (tmp_path / "tuned" / "model.tflite").is_file()
