"""What cannot be done without coremltools says so, before any work. It has no build for Windows;
there all but Core ML works.
"""

import importlib.util

from blazepalm.errors import BlazePalmError


def missing_coremltools(what: str) -> str | None:
    """None where coremltools is installed, else a sentence: `what` needs it, and how to get it."""
    if importlib.util.find_spec("coremltools") is not None:
        return None
    return (
        f"{what} needs coremltools, which is not installed: "
        "pip install coremltools (on Linux or macOS)"
    )


def need_coremltools(
    what: str, instead: str = "", error: type[BlazePalmError] = BlazePalmError
) -> None:
    """Raises `error` where coremltools is not installed; `instead` says what can be done else."""
    reason = missing_coremltools(what)
    if reason is not None:
        raise error(f"{reason}, or {instead}" if instead else reason)
