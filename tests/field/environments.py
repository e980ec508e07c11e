"""Makes the environments, each its own, with pinned versions: several minutes, about 6 GB.

They lie in `build/bench-field/environments`, or where BLAZEPALM_FIELD says. What cannot be
installed leaves its reason in `NAME.error` there, which the tool's cells repeat; the next run tries
again.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from field.tools import ENVIRONMENTS, OWN, TORCH, Environment
from support.models import ROOT

BUILT = ROOT / "build" / "bench-field"


def folder() -> Path:
    return Path(os.environ.get("BLAZEPALM_FIELD", BUILT / "environments"))


def python_of(name: str) -> Path:
    """The interpreter, whether or not it is there."""
    return Path(sys.executable) if name == OWN else folder() / name / "bin" / "python"


def missing(name: str) -> str | None:
    """Why the environment is not there; None if it is."""
    if python_of(name).is_file():
        return None
    error = folder() / f"{name}.error"
    reason = error.read_text(encoding="utf-8").strip() if error.is_file() else "not made yet"
    return f"environment {name}: {reason}"


def make_all() -> None:
    """Makes those that are not there."""
    folder().mkdir(parents=True, exist_ok=True)
    for name, environment in ENVIRONMENTS.items():
        if missing(name) is None:
            continue
        print(f"installing {name}", file=sys.stderr)
        error = folder() / f"{name}.error"
        error.unlink(missing_ok=True)
        if reason := _make(folder() / name, environment):
            shutil.rmtree(folder() / name)
            error.write_text(reason + "\n", encoding="utf-8")
            print(f"{name}: {reason}", file=sys.stderr)


def _make(place: Path, environment: Environment) -> str | None:
    """Why it cannot be installed, or None."""
    venv.create(place, with_pip=True, clear=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    calls = [[*pip, "--no-deps", *environment.alone]] if environment.alone else []
    if environment.packages:
        calls.append([*pip, *environment.packages])
    if TORCH in environment.packages:
        calls.insert(0, [*pip, TORCH])  # first, so that a CPU build is kept
    for call in calls:
        done = subprocess.run(call, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return (lines or [f"pip ended with {done.returncode}"])[-1].removeprefix("ERROR: ")
    return None
