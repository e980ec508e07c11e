"""`blazepalm golden export-ios`: what it prints, and how it refuses."""

from pathlib import Path

import pytest

from blazepalm.golden.make import make_golden
from support.cli import Cli


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden") / "set"
    make_golden(folder, names=("hard-black", "hard-white"), jobs=1)
    return folder


def test_export_and_again(blazepalm: Cli, golden: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Fixtures"
    command = (
        *("golden", "export-ios", "-o", folder, "--golden", golden, "--models", "palm-lite"),
        *("--cases", "hard-black,hard-white"),
    )
    done = blazepalm(*command)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith(f"fixtures: {folder}")
    assert lines[1:3] == ["models:   palm-lite-2021-11", "cases:    2, 2 single predictions"]
    assert "converting palm-lite" in done.err and "cases: 2 of 2" in done.err
    refused = blazepalm(*command)
    assert refused.code == 2 and "give --force" in refused.err
    again = blazepalm(*command, "--force", "--json")
    assert again.code == 0
    assert again.json["models"] == ["palm-lite-2021-11"]
    assert again.json["manifest_sha256"][:16] in done.out
    assert set(again.json) == {
        *("folder", "models", "cases", "records", "frames", "bytes", "manifest_sha256"),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cases", "nobody"), "has no case 'nobody'"),
        (("--cases", "hard-black", "--models", "no-such-model"), "no-such-model"),
        (("--cases", "hard-black", "--precision", "fp8"), "unknown Core ML precision 'fp8'"),
        (("--cases", "hard-black", "--models", "palm-lite,palm-lite-2021-11"), "twice"),
    ],
)
def test_what_is_refused(
    blazepalm: Cli, golden: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = blazepalm(
        "golden", "export-ios", "-o", tmp_path / "Fixtures", "--golden", golden, *arguments
    )
    assert done.code == 2
    assert message in done.err and "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_cases_are_rendered_where_there_is_no_set(blazepalm: Cli, tmp_path: Path) -> None:
    done = blazepalm(
        *("golden", "export-ios", "-o", tmp_path / "Fixtures", "--models", "palm-lite"),
        *("--cases", "hard-black", "--jobs", "1"),
    )
    assert done.code == 0, done.err
    assert "rendering: 1 of 1" in done.err
