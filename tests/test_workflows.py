"""GitHub's workflows, which run nowhere but there: actionlint finds nothing in them (if it is on
the PATH), what they call is in the Makefile, and their Pythons are those of the package."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.models import ROOT

yaml = pytest.importorskip("yaml")

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTION = GITHUB / "actions" / "parity" / "action.yml"
pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="no checkout: .github is not here")


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def steps() -> list[dict[str, Any]]:
    found = [
        step for path in WORKFLOWS for job in read(path)["jobs"].values() for step in job["steps"]
    ]
    return [*found, *read(ACTION)["runs"]["steps"]]


def test_actionlint_finds_nothing() -> None:
    tool = shutil.which("actionlint")
    if tool is None:
        pytest.skip("no actionlint on the PATH: workflows are read, not linted")
    done = subprocess.run([tool, *WORKFLOWS], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_they_make_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    lines = re.findall(r"^(?:make) (.+)$", "\n".join(s.get("run", "") for s in steps()), re.M)
    targets = {word for line in lines for word in line.split() if "=" not in word}
    assert {"parity", "ios-simulator", "swift-test", "docs"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_every_python_from_the_oldest_on_is_tested() -> None:
    matrix = read(GITHUB / "workflows" / "test.yml")["jobs"]["linux"]["strategy"]["matrix"]
    oldest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert oldest
    minors = [int(version.removeprefix("3.")) for version in matrix["python"]]
    assert minors == list(range(int(oldest[1]), 15))


def test_only_the_job_that_publishes_may_ask_for_an_identity() -> None:
    for path in WORKFLOWS:
        values = read(path)
        assert values["permissions"]["contents"] == "read"
        for name, job in values["jobs"].items():
            asks = {**values["permissions"], **job.get("permissions", {})}.get("id-token")
            assert asks == ("write" if name in ("publish", "pages") else None)
    publish = read(GITHUB / "workflows" / "release.yml")["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert publish["steps"][-1]["with"] == {"attestations": True}
    assert not any("password" in str(step) for step in steps())


def test_the_issue_forms_ask_for_the_doctor() -> None:
    forms = [p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml"]
    assert len(forms) == 3
    for form in forms:
        fields = {field.get("id"): field for field in read(form)["body"]}
        assert fields["doctor"]["attributes"]["label"] == "blazepalm doctor --json"
        assert fields["doctor"]["validations"]["required"] is True


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    """A tag can be moved to other code; a commit cannot. One commit an action."""
    lines = [
        line.strip().removeprefix("- ")
        for path in (*WORKFLOWS, ACTION)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(- )?uses:", line)
    ]
    found: dict[str, set[str]] = {}
    for line in lines:
        pinned = re.fullmatch(r"uses: ([\w/-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", line)
        assert pinned, line
        found.setdefault(pinned[1], set()).add(pinned[2])
    assert len(found) > 5 and all(len(commits) == 1 for commits in found.values())


def test_the_citation_is_valid() -> None:
    tool = shutil.which("cffconvert")
    if tool is None:
        pytest.skip("no cffconvert on the PATH: CITATION.cff is not validated")
    done = subprocess.run([tool, "--validate"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_swift_package_index_finds_what_it_is_told_to_build() -> None:
    """The keys that its reader knows, in a file of at most 1,000 bytes:
    https://github.com/SwiftPackageIndex/SPIManifest/blob/main/Sources/SPIManifest/Manifest.swift
    """
    file = ROOT / ".spi.yml"
    manifest = read(file)
    assert file.stat().st_size <= 1000 and manifest["version"] == 1
    assert set(manifest) <= {"version", "builder", "external_links"}
    keys = {"platform", "swift_version", "image", "scheme", "target", "documentation_targets"}
    products = re.findall(r'\.library\(name: "(\w+)"', (ROOT / "Package.swift").read_text())
    for config in manifest["builder"]["configs"]:
        assert set(config) <= keys
        assert set(config["documentation_targets"]) <= set(products)
        for target in config["documentation_targets"]:
            assert (ROOT / "ios_harness" / "Sources" / target / f"{target}.docc").is_dir()
