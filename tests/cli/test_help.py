"""`--help` and the shell's completion: an example of every command, no type beside a flag."""

import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from blazepalm.cli.app import COMMANDS, command
from blazepalm.cli.help import EXAMPLES
from support.cli import Cli


def below(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, each in getattr(found, "commands", {}).items():
        place = f"{path} {name}".strip()
        yield place, each
        yield from below(each, place)


COMMANDS_BY_PATH = dict(below(command(tuple(COMMANDS))))


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == set(COMMANDS_BY_PATH)
    groups = {path for path, found in COMMANDS_BY_PATH.items() if found.no_args_is_help}
    assert groups == {path for path, example in EXAMPLES.items() if not example}


@pytest.mark.parametrize("path", [path for path, example in EXAMPLES.items() if example])
def test_examples_are_valid_and_shown(path: str, blazepalm: Cli) -> None:
    words = shlex.split(EXAMPLES[path])
    place = path.split()
    assert words[: 1 + len(place)] == ["blazepalm", *place]
    COMMANDS_BY_PATH[path].make_context(path, words[1 + len(place) :])  # raises on bad usage
    shown = blazepalm(*place, "-h")
    assert shown.code == 0 and shown.out == blazepalm(*place, "--help").out
    assert f"Example: {EXAMPLES[path]}" in shown.out


def test_paragraphs_are_broken_for_the_terminal(blazepalm: Cli) -> None:
    """Every line is filled with as many words as fit; nothing breaks where the source does."""
    shown = blazepalm("convert", "--help").out.partition("╭")[0].splitlines()
    lines = [line.strip() for line in shown]
    for line, following in pairwise(lines):
        if line and following:
            assert len(line) + len(following.split()[0]) + 1 > 78, line
    assert sum(len(line) > 60 for line in lines) > 3


def test_flags_have_no_type(blazepalm: Cli) -> None:
    """Newer versions of typer print one beside every flag, `--help` included."""
    for path in COMMANDS_BY_PATH:
        assert "bool" not in blazepalm(*path.split(), "--help").out.lower().replace("boolean", "")
    flags = [
        parameter
        for found in COMMANDS_BY_PATH.values()
        for parameter in found.params
        if getattr(parameter, "is_flag", False)
    ]
    assert len(flags) > 20 and {flag.metavar for flag in flags} == {""}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("blazepalm par", "parity"),
        ("blazepalm report re", "recheck render"),
        ("blazepalm convert --co", "--coreml-face --compress"),
        ("blazepalm parity palm-l", "palm-lite palm-lite-2021-11"),
        ("blazepalm detect --model gest", "gesture-recognizer gesture-recognizer-1"),
    ],
)
def test_completion(
    typed: str,
    offered: str,
    blazepalm: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_BLAZEPALM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    result = blazepalm()
    assert (result.code, result.out.split()) == (0, offered.split())
