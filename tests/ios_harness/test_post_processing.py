"""The command that times what comes after the models prints what ios_harness/README.md says. (How
long that takes is no test: `swift run -c release palmcore-bench`.)
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRATCH = os.environ.get("BLAZEPALM_SWIFT_SCRATCH", str(ROOT / ".build" / "shim"))
BUILD_SECONDS = 1200


@pytest.mark.skipif(shutil.which("swift") is None, reason="no swift on the PATH: nothing to run")
def test_each_part_is_timed() -> None:
    """In the build that `make swift-test` needs as well."""
    done = subprocess.run(
        ["swift", "run", "--scratch-path", SCRATCH, "palmcore-bench", "5"],
        cwd=ROOT,
        env={**os.environ, "COREML_SHIM": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("2016 anchors, 2 hands, 5 frames\n")
    times = re.findall(
        r"^(\w[\w ]*?) +p50 ([\d.]+) ms +p99 ([\d.]+) ms$", done.stdout, re.MULTILINE
    )
    assert [name for name, _, _ in times][:3] == ["palms", "hands", "together"]
    assert all(0 < float(median) <= float(last) for _, median, last in times)
