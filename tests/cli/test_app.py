"""What every command shares: help, exit codes, one-line errors, interrupts, closed pipes."""

import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from blazepalm import __version__
from blazepalm.cli import app as app_module
from blazepalm.cli import console
from blazepalm.cli.app import COMMANDS
from blazepalm.errors import CouldNotVerify, InvalidModel
from blazepalm.text import printable
from support.cli import Cli, Outcome
from support.models import ROOT

HEAVY = ("torch", "cv2", "ai_edge_litert", "tensorflow", "coremltools", "matplotlib", "numpy")


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "blazepalm", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


# of a known release, nothing needs them
UNKNOWN_FILES = (
    "blazepalm.converter.evidence.behaviour",
    "blazepalm.converter.evidence.known_weights",
    "blazepalm.converter.folder",
    "blazepalm.models.hand_pipeline",
)


def imported(code: str, modules: tuple[str, ...] = HEAVY) -> set[str]:
    """Which of these modules a piece of code imports."""
    probe = f"import sys\n{code}\nprint(' '.join(m for m in {modules!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_module_and_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"blazepalm {__version__}\n", "")


def test_help_names_every_command(blazepalm: Cli) -> None:
    result = blazepalm("--help")
    assert result.code == 0
    assert result.err == ""
    for name in COMMANDS:
        assert f" {name} " in result.out


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_json(blazepalm: Cli, name: str) -> None:
    command = getattr(import_module(f"blazepalm.cli.{name}"), name)
    below: list[list[str]] = [[]]
    if isinstance(command, typer.Typer):  # a group: each of its commands
        below = [[str(c.name or c.callback.__name__)] for c in command.registered_commands]  # type: ignore[union-attr]
    assert below
    for words in below:
        result = blazepalm(name, *words, "--help")
        assert result.code == 0, result.err
        assert "--json" in result.out, words


def test_help_imports_nothing_heavy() -> None:
    assert imported("from blazepalm.cli.app import main; main(['--help'])") == set()


def test_help_of_a_command_imports_nothing_heavy() -> None:
    code = "from blazepalm.cli.app import COMMANDS, main\nfor c in COMMANDS: main([c, '--help'])"
    assert imported(code) == set()


@pytest.mark.parametrize("arguments", [["inspect", "palm-full"], ["anchors", "palm-full"]])
def test_a_known_release_is_read_alone(arguments: list[str], tmp_path: Path) -> None:
    """ai_edge_litert: its schema; numpy holds the constants."""
    if arguments[0] == "anchors":
        arguments += ["-o", str(tmp_path / "anchors.npy")]
    code = f"from blazepalm.cli.app import main; assert main({arguments!r}) == 0"
    assert imported(code, (*HEAVY, *UNKNOWN_FILES)) == {"ai_edge_litert", "numpy"}


def test_package_imports_nothing_heavy() -> None:
    assert imported("import blazepalm; dir(blazepalm); blazepalm.__version__") == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("inspect",),
        ("inspect", "--nonsense"),
        ("releases", "nonsense"),
        ("anchors",),
    ],
)
def test_bad_usage_is_2(blazepalm: Cli, arguments: tuple[str, ...]) -> None:
    result = blazepalm(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert "Usage: blazepalm" in result.err


def raising(monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> None:
    """Makes `blazepalm inspect x` raise."""

    def inspect(source: str) -> None:
        raise problem

    def build(arguments: object) -> typer.Typer:
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback()(lambda: None)
        app.command("inspect")(inspect)
        return app

    monkeypatch.setattr(app_module, "build", build)


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        (InvalidModel("x.tflite: is truncated"), 2, "error: x.tflite: is truncated\n"),
        (InvalidModel("first\n  help: second"), 2, "error: first\n  help: second\n"),
        (CouldNotVerify("no LiteRT here"), 3, "error: no LiteRT here\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (
            InvalidModel("[red]not markup[/red] \x1b[31m \u202e"),
            2,
            "error: [red]not markup[/red] \\x1b[31m \\u202e\n",
        ),
    ],
)
def test_errors_are_a_line_and_a_code(
    blazepalm: Cli, monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int, message: str
) -> None:
    raising(monkeypatch, problem)
    assert blazepalm("inspect", "x") == Outcome(code, "", message)


@pytest.mark.parametrize(
    ("words", "goes_on"),
    [
        ("parity palm-full -o report", True),
        ("parity palm-full --output=report", True),
        ("parity palm-full --outputs boxes=0", False),
        ("golden make", True),
        ("golden photos fetch", True),
        ("releases fetch hand-2020-11", True),
        ("convert palm-full -o folder", False),
    ],
)
def test_an_interrupted_command_says_whether_it_goes_on(
    blazepalm: Cli, monkeypatch: pytest.MonkeyPatch, words: str, goes_on: bool
) -> None:
    def interrupted(arguments: object, prog_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app_module, "command", lambda arguments: interrupted)
    result = blazepalm(*words.split())
    assert result.code == 130
    assert result.err.startswith("error: interrupted")
    assert ("run the same command again" in result.err) == goes_on


def test_our_own_mistakes_are_not_hidden(blazepalm: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        blazepalm("inspect", "x")


@pytest.mark.parametrize("arguments", [("releases",), ("inspect", "palm-full", "--json")])
def test_closed_pipe_is_quiet(arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "blazepalm", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # before it has written anything
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == console.BROKEN_PIPE


def test_encoding_that_lacks_a_character_is_no_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "blazepalm", "releases"],
        cwd=ROOT,
        capture_output=True,
        env={"PATH": "", "PYTHONIOENCODING": "ascii", "COLUMNS": "80"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"palm-full-2023-09" in done.stdout


def test_clean_escapes_what_a_terminal_obeys() -> None:
    assert printable("a\x1b]0;x\x07\n\t\u202eb\udc80é×→") == (
        "a\\x1b]0;x\\x07\\n\\t\\u202eb\\udc80é×→"
    )
    assert printable("a\nb", keep="\n") == "a\nb"


def test_plain_progress_is_a_line_a_quarter(capsys: pytest.CaptureFixture[str]) -> None:
    with console.transfer("x") as progress:
        for done in range(101):
            progress(done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"x: {n} of 100 bytes" for n in (0, 25, 50, 75, 100)]


def test_bundle_path_in_arguments_is_no_command(blazepalm: Cli, tmp_path: Path) -> None:
    result = blazepalm("inspect", tmp_path / "releases")
    assert result.code == 2
    assert "no such file" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        ("typer", -signal.SIGINT, ""),  # before the command line is read
        ("blazepalm.cli.releases", 130, "error: interrupted\n"),
    ],
)
def test_ctrl_c_at_the_start_prints_no_traceback(module: str, code: int, said: str) -> None:
    """SIGINT arrives in the middle of an import."""
    script = f"""
import runpy, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
sys.meta_path.insert(0, Interrupts())
sys.argv = ["blazepalm", "releases"]
runpy.run_module("blazepalm", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)
