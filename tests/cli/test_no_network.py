"""No command but those that fetch opens a socket to anywhere. Python itself tells of each attempt
(its audit events), in the command's process and in those that it starts; sockets between the
processes of one machine (AF_UNIX) are not told. What a compiled library opens by itself Python does
not know.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.models import ROOT

PHOTO = ROOT / "docs" / "photo.jpg"
# refuses every attempt, and notes it in the file that the variable names
SITECUSTOMIZE = """
import os, socket, sys

def refuse(event, arguments):
    if not event.startswith("socket.") or event in ("socket.__new__", "socket.gethostname"):
        return
    if arguments and getattr(arguments[0], "family", None) == getattr(socket, "AF_UNIX", None):
        return
    with open(os.environ["SOCKETS"], "a") as log:
        print(sys.argv, event, arguments[1:], file=log)
    raise OSError("no network in this test")

sys.addaudithook(refuse)
"""
# runs one command line after another
DRIVER = """
import json, sys
from blazepalm.cli.app import main
sys.exit(json.dumps([main(line) for line in json.loads(sys.argv[1])]))
"""


def attempts(folder: Path, lines: list[list[str]]) -> tuple[list[int], str]:
    """The exit codes of command lines, and every attempt at a socket."""
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    log = folder / "sockets.txt"
    log.touch()
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(lines)],
        env={**os.environ, "PYTHONPATH": path, "SOCKETS": str(log), "XDG_CACHE_HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
    )
    codes: list[int] = json.loads(done.stderr.splitlines()[-1])
    return codes, log.read_text()


def test_the_commands_open_no_socket(tmp_path: Path) -> None:
    lines = [
        ["releases"],
        ["doctor"],
        ["inspect", "palm-lite"],
        ["convert", "palm-lite", "-o", "palm", "--no-coreml"],
        ["verify", "palm"],
        ["anchors", "palm-lite", "-o", "anchors.npy"],
        ["detect", str(PHOTO), "--draw", "drawn.png"],
    ]
    if os.environ.get("BLAZEPALM_EVERY_RELEASE"):
        lines += [
            ["convert", "palm-lite", "-o", "packed"],
            ["inspect", "packed/PalmLite_2021_11.mlpackage"],
            ["run", "packed/PalmLite_2021_11.mlpackage", "--image", str(PHOTO)],
            ["golden", "make", "-o", "golden"],
            ["parity", "hand-lite", "--no-golden", "--inputs", "2", "-o", "report"],
            ["report", "render", "report", "--markdown", "parity.md"],
            ["report", "recheck", "report"],
            ["export", "palm", "-o", "exported", "--onnx"],
            ["golden", "export-ios", "--golden", "golden", "-o", "fixtures"],
        ]
    codes, log = attempts(tmp_path, lines)
    assert log == ""
    assert codes == [0] * len(lines)


@pytest.mark.parametrize("line", [["releases", "fetch", "palm-2020-11"]])
def test_an_attempt_is_seen(tmp_path: Path, line: list[str]) -> None:
    codes, log = attempts(tmp_path, [line])
    assert codes == [2] and "socket.getaddrinfo" in log
