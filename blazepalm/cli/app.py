"""`blazepalm COMMAND`: the table of commands, and what all of them share.

A command is a function (or a group, a `typer.Typer`) in the module of the same name. Only the
requested command is imported; `--help` lists the others from the table.

Exit codes: 0 done, or parity holds; 1 parity fails, or a check finds a difference; 2 bad usage
or bad input; 3 parity could not be verified; 130 interrupted; 129, 143 ended by SIGHUP, SIGTERM.
"""

import gc
import os
import re
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

import typer

from blazepalm.cli.ending import Ending, in_words
from blazepalm.errors import BlazePalmError, CouldNotVerify, missing_part, os_sentence

COMMANDS = {
    "releases": "List the known releases; fetch one.",
    "inspect": "Show what a .tflite or Core ML package holds: operators, weights, family.",
    "convert": "Convert to readable PyTorch and Core ML; record where every tensor went.",
    "export": "Write fine-tuned weights as Core ML, ONNX and a folder for parity.",
    "verify": "Check a converted folder: hashes, weights, anchors, package.",
    "anchors": "Regenerate a detector's anchors; check a file against them.",
    "golden": "Render the golden set; add your own pictures; record and check hands.",
    "parity": "Compare PyTorch and Core ML with LiteRT and a float64 oracle.",
    "report": "Compare, recheck or render parity reports.",
    "run": "Run a Core ML package on a picture, on any machine.",
    "detect": "Find hands in pictures and videos: box, 21 points, handedness.",
    "bench": "Measure the speed of commands here; read a device's benchmarks.",
    "ios": "Read the iOS harness's results.",
    "doctor": "Show what is installed here, and how to get what is missing.",
}

# The libraries' modules and a model's operations are millions of objects that live until exit.
# With the default thresholds (700, 10, 10) the garbage collector scans them again and again.
GARBAGE = (50_000, 20, 50)

# Seconds before a thread must yield the GIL. Python's default, 0.005, leaves processors idle
# during parity. Both settings are process-wide, so only `blazepalm`'s own process sets them.
SWITCH = 0.0005

# what goes on where an interrupted run stopped; parity does if it writes to a folder
GOES_ON = "; run the same command again: it goes on where it stopped"
RESUMING = (["golden", "make"], ["golden", "photos", "fetch"], ["releases", "fetch"])

BAD_INPUT, NOT_VERIFIED, INTERRUPTED = 2, 3, 130
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
ENDED = (INTERRUPTED, *(128 + number for number in SIGNALS))


def main(arguments: Sequence[str] | None = None, *, interruptible: bool = False) -> int:
    """Runs one command line (default: `sys.argv`) and returns its exit code. `interruptible`: has
    SIGINT raise KeyboardInterrupt from here on, which is caught.
    """
    ending = Ending()
    if arguments is None:
        arguments = sys.argv[1:]
        for number in SIGNALS:  # one that the caller has the process ignore (nohup) stays ignored
            if signal.getsignal(number) == signal.SIG_DFL:
                ending.listen(number)
        gc.set_threshold(*GARBAGE)
        sys.setswitchinterval(SWITCH)
        if not sys.warnoptions:  # hides the libraries' developer warnings, Pillow's on odd files
            warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # the stream has been replaced by something else
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = _run(list(arguments), ending, interruptible)
    gc.freeze()  # else Python scans every remaining object at exit
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from blazepalm.cli import console

        with suppress(SystemExit):
            console.quit_quietly()
        return console.BROKEN_PIPE
    return code


def _run(arguments: list[str], ending: Ending, interruptible: bool) -> int:
    from blazepalm.cli import console

    code: object = 0
    try:
        try:
            if interruptible:
                ending.listen(signal.SIGINT)
            command(arguments)(arguments, prog_name="blazepalm")
        finally:
            ending.working = False
    except Exception as problem:
        if ending.by is None:
            return _tell(problem)
        code = 128 + ending.by  # what the end of the work ran into is no news
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, int) and code in ENDED:
        how = in_words(code)
        console.error(f"{how}{GOES_ON}" if _resumes(arguments) else how)
    return code if isinstance(code, int) else 0 if code is None else 1


def _tell(problem: Exception) -> int:
    """Prints a command's error as one sentence; returns the exit code. Raises what is a fault of
    ours.
    """
    from blazepalm.cli import console

    if isinstance(problem, BlazePalmError):
        console.error(str(problem))
        return NOT_VERIFIED if isinstance(problem, CouldNotVerify) else BAD_INPUT
    if isinstance(problem, BrokenPipeError):
        with suppress(SystemExit):
            console.quit_quietly()
        return console.BROKEN_PIPE
    if isinstance(problem, ModuleNotFoundError):
        console.error(missing_part(problem))
    elif isinstance(problem, OSError):  # of a path that no reader has checked
        console.error(os_sentence(problem))
    elif isinstance(problem, MemoryError):
        console.error("there is not enough memory for this input")
    else:
        raise problem
    return BAD_INPUT


def _resumes(arguments: list[str]) -> bool:
    if arguments[:1] == ["parity"]:
        return any(re.match(r"-o|--output(=|$)", word) for word in arguments)
    return any(arguments[: len(words)] == words for words in RESUMING)


def command(arguments: Sequence[str]) -> Any:
    """The application as a click command, ready for `arguments`, or for what a shell completes."""
    from typer.main import get_command

    from blazepalm.cli.help import improve_help

    typed = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    found = get_command(build([*arguments, *typed.split()]))
    improve_help(found)
    return found


def build(arguments: Sequence[str] = tuple(COMMANDS)) -> typer.Typer:
    """Builds the application; imports only the commands that `arguments` names."""
    app = typer.Typer(
        name="blazepalm",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_blazepalm)
    for name, summary in COMMANDS.items():
        if name not in arguments:
            app.command(name, help=summary)(_not_imported)
            continue
        command = getattr(import_module(f"blazepalm.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from blazepalm.version import __version__

        typer.echo(f"blazepalm {__version__}")
        raise typer.Exit


def _blazepalm(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Turn MediaPipe's hand models into readable PyTorch, and prove that nothing was lost."""


def _not_imported() -> None:
    raise AssertionError("build() imports the command that is run")
