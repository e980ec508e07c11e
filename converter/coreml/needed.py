"""Checks for coremltools before any work that needs it. It has no build for Windows, where
everything except Core ML works.
"""

import importlib.util

from blazepalm.errors import BlazePalmError


def missing_coremltools(what: str) -> str | None:
    """None if coremltools is installed, else a sentence: `what` needs it, and how to get it."""
    if importlib.util.find_spec("coremltools") is not None:
        return None
    return (
        f"{what} needs coremltools, which is not installed: "
        "pip install 'blazepalm[coreml]' (on Linux or macOS)"
    )


def need_coremltools(
    what: str, instead: str = "", error: type[BlazePalmError] = BlazePalmError
) -> None:
    """Raises `error` if coremltools is not installed; `instead` names an alternative."""
    reason = missing_coremltools(what)
    if reason is not None:
        raise error(f"{reason}, or {instead}" if instead else reason)
