"""Wheels of other people's packages, which hold files that the tests read."""

import os
from pathlib import Path

import pytest


def wheel(package: str, version: str, variable: str) -> Path:
    """The file that an environment variable names; skips the test where there is none."""
    path = Path(os.environ.get(variable, ""))
    if not path.is_file():
        pytest.skip(
            f"no {package} wheel: pip download --no-deps {package}=={version}, "
            f"and set {variable} to the file"
        )
    return path
