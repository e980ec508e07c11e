"""The errors a user can meet. Each message is one sentence or a short list that says:
which file, operator or tensor; what was found; what to do.
"""

from collections.abc import Callable


class BlazePalmError(Exception):
    """Anything that is the input's or the environment's fault, not ours."""


class InvalidModel(BlazePalmError):
    """The file is not a usable TFLite model."""


class UnsupportedOperator(BlazePalmError):
    """The graph holds operators that nothing lowers; the message lists all of them."""


class WeightTransferError(BlazePalmError):
    """A weight would have no place, two places, or another value after the transfer."""


class ArtifactError(BlazePalmError):
    """A folder or file of ours cannot be written or read back."""


class UnknownRelease(BlazePalmError):
    """No file and no registered release goes by that name."""


class InvalidImage(BlazePalmError):
    """An image cannot be read as H×W×3 uint8."""


class InvalidInput(BlazePalmError):
    """Arrays given to a Core ML package are not what it takes."""


class CouldNotVerify(BlazePalmError):
    """The comparison that was asked for could not be made (exit code 3, not 2)."""


MAX_QUOTED = 300  # characters of another's message


def one_line(error: BaseException) -> str:
    """What went wrong, short enough for one sentence: of a message of several lines, which a
    library may give, all that fits into one.
    """
    return f"{error} is missing" if isinstance(error, KeyError) else _quoted(error, "; ".join)


def first_line(error: BaseException) -> str:
    """What went wrong, where a message's first line says it and a trace may follow."""
    return _quoted(error, lambda lines: lines[0])


def _quoted(error: BaseException, joined: Callable[[list[str]], str]) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = joined(lines or [type(error).__name__])
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"
