"""What Core AI's processes need, and checks for it before any work, without importing it."""

import importlib.util
import platform
import sys

from blazepalm.child import ChildLimits
from blazepalm.converter.coreml.options import PRECISIONS
from blazepalm.errors import ArtifactError, BlazePalmError, unknown_name

PACKAGES = ("coreai-core", "coreai-torch", "torch")  # decide a program's bytes
SUFFIX = ".aimodel"
CHILD = "blazepalm.converter.coreai.child"
# An inference of the largest release takes 2 s of a processor, its conversion 10 s and 0.6 GiB.
LIMITS = ChildLimits(opening=600, call=600, memory=8)


def missing_coreai() -> str | None:
    """Why Core AI's runtime cannot run here, and how to install it; None where it can."""
    if sys.version_info < (3, 11) or sys.platform == "win32":
        return (
            f"Core AI needs Python 3.11 or newer on Linux or macOS, this is Python "
            f"{platform.python_version()} on {platform.system()}"
        )
    if all(importlib.util.find_spec(name) is not None for name in ("coreai", "coreai_torch")):
        return None
    return "Core AI is not installed; install it with: pip install 'blazepalm[coreai]'"


def need_coreai() -> None:
    """Raises BlazePalmError without Core AI."""
    if (reason := missing_coreai()) is not None:
        raise BlazePalmError(reason)


def check_precision(precision: str) -> None:
    """Raises ArtifactError for an unknown one."""
    if precision not in PRECISIONS:
        raise ArtifactError(unknown_name("Core AI precision", precision, PRECISIONS))
