"""The errors a user can meet. Each message is one sentence or a short list that says: which file,
operator or tensor; what was found; what to do.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class BlazePalmError(Exception):
    """Any error caused by the input or the environment, not by a bug."""


class InvalidModel(BlazePalmError):
    """The file is not a usable TFLite model."""


class UnsupportedOperator(BlazePalmError):
    """The graph has operators without a lowering; the message lists all of them."""


class WeightTransferError(BlazePalmError):
    """A weight would have no place, two places, or another value after the transfer."""


class ArtifactError(BlazePalmError):
    """A file or folder written by blazepalm cannot be written or read back."""


class InUse(ArtifactError):
    """Another process is writing that file or folder."""


class UnknownRelease(BlazePalmError):
    """No file or registered release has that name."""


class InvalidImage(BlazePalmError):
    """An image cannot be read as H×W×3 uint8."""


class InvalidInput(BlazePalmError):
    """The arrays do not fit the inputs of a Core ML package."""


class NoDevice(BlazePalmError):
    """The device that was asked for is not on this machine."""


class CouldNotVerify(BlazePalmError):
    """The requested comparison could not be made (exit code 3, not 2)."""


class ProcessDied(CouldNotVerify):
    """A foreign runtime failed in a process of its own: it crashed, hung or raised an error."""


class NotTried(ProcessDied):
    """A runtime's process died of several inputs in a row, so that it got no other."""


def unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """`unknown backend 'x'; choose torch or tflite`: the message for a name that is not `known`."""
    *others, last = known
    choices = f"{', '.join(others)} or {last}" if others else last
    return f"unknown {what} {name!r:.80}; choose {choices}"


def os_sentence(error: OSError) -> str:
    """What the system says about a path that no reader has checked: `x/y: Permission denied`."""
    reason = error.strerror or str(error) or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' → '.join(names)}: {reason}" if names else f"the system refuses: {reason}"


MAX_QUOTED = 300  # characters of a library's message


def one_line(error: BaseException) -> str:
    """The error's message, short enough for one sentence; as many lines of a multi-line message,
    which libraries may give, as fit.
    """
    return f"{error} is missing" if isinstance(error, KeyError) else _quoted(error, "; ".join)


def first_line(error: BaseException) -> str:
    """The first line of the error's message, for messages that a trace may follow."""
    return _quoted(error, lambda lines: lines[0])


def _quoted(error: BaseException, joined: Callable[[list[str]], str]) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = joined(lines or [type(error).__name__])
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"


# what a message calls by the command line's name → what Python's caller writes
IN_PYTHON: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"another -o, or give --force", "another name, or give force=True"),
    (r"another -o\b", "another name"),
    (r" with -o\b", ""),
    (r"\(--no-coreml(, coreml=None)?\)", "(coreml=None)"),
    (r"--coreml-face (\w+)", r'coreml=CoreMLOptions(face="\1")'),
    (r"--engine (\w+)", r'engine="\1"'),
    (r"--device (\S+) needs --backend (\w+)", r'device="\1" needs backend="\2"'),
    (r"--(self-test|layers|force|anyway)\b", lambda found: f"{found[1].replace('-', '_')}=True"),
    (r"--generation\b", "Overrides(generations=…)"),
    (r"--value-range\b", "Overrides(value_ranges=…)"),
    (r"--outputs\b", "Overrides(outputs=…)"),
    (r"--([a-z][a-z-]*)", lambda found: f"{found[1].replace('-', '_')}="),
)


def python_words(message: str) -> str:
    """The message with keywords in place of the command line's options; text in backquotes is a
    command to type in a shell, and stays.
    """
    parts = message.split("`")
    for place in range(0, len(parts), 2):
        for option, keyword in IN_PYTHON:
            parts[place] = re.sub(option, keyword, parts[place])
    return "`".join(parts)


PARTS = {  # modules that only some work needs → their name, the extra that installs them
    "torch": ("PyTorch", "torch"),
    "coremltools": ("Core ML Tools", "coreml"),
    "ai_edge_litert": ("LiteRT", "tflite"),
}


def missing_part(error: ModuleNotFoundError) -> str:
    """What is not installed and how to install it. Raises `error` if it is none of `PARTS`."""
    found = PARTS.get((error.name or "").partition(".")[0])
    if found is None:
        raise error
    what, extra = found
    return f"this needs {what}, which is not installed: pip install 'blazepalm[{extra}]'"


@contextmanager
def in_python() -> Iterator[None]:
    """Inside it, errors speak of keywords (`force=True`), not of options (`--force`), a part that
    is not installed is named with the command that installs it, and an OSError is a sentence.
    """
    try:
        yield
    except BlazePalmError as error:
        error.args = (python_words(str(error)),)
        raise
    except OSError as error:
        raise BlazePalmError(os_sentence(error)) from error
    except ModuleNotFoundError as error:
        raise BlazePalmError(missing_part(error)) from error


def check_path(value: object, accepted: str) -> None:
    """Raises TypeError, naming what is `accepted`, unless `value` is a str or a Path."""
    if not isinstance(value, str | Path):
        raise TypeError(f"expected {accepted} as str or Path, got {type(value).__name__}")
