"""What every test stands on: one thread a process, no cache but its own, a command line."""

import os
from pathlib import Path

import pytest

from support.cli import Cli, Outcome

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run side by side


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path.with_name(tmp_path.name + "-cache")))
    monkeypatch.delenv("BLAZEPALM_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def cache() -> Path:
    """The folder that fetched releases go to in this test."""
    folder = Path(os.environ["BLAZEPALM_CACHE"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def blazepalm(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command line in this process: `blazepalm("inspect", "palm-full")`."""
    from blazepalm.cli.app import main

    def run(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
