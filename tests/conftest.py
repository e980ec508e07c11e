"""Settings and fixtures of all tests: one thread per process, a cache of their own, a command line.

Where torch is not installed, tests that import it are skipped (`make test-python`).
"""

import os
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

from blazepalm.errors import BlazePalmError
from blazepalm.golden import make
from blazepalm.models import release_registry
from blazepalm.reports.backends import kept_answers
from support.cli import Cli, Outcome

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run side by side


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path.with_name("cache")))
    monkeypatch.delenv("BLAZEPALM_URL", raising=False)
    monkeypatch.setenv("BLAZEPALM_PHOTOS", str(tmp_path.with_name(tmp_path.name + "-photos")))
    monkeypatch.setenv("COLUMNS", "80")
    # the cache is shared by tests that run in one process, for the programs and the golden set; but
    # what a fault planted by one test computes must not reach another
    monkeypatch.setattr(release_registry, "RELEASES", f"releases-{tmp_path.name}")
    monkeypatch.setattr(kept_answers, "FILE", f"answers-{tmp_path.name}.sqlite")
    monkeypatch.setattr(make, "PICTURES", f"pictures-{tmp_path.name}.sqlite")


@pytest.fixture
def cache() -> Path:
    """The folder that fetched releases go to in this test."""
    folder = Path(os.environ["BLAZEPALM_CACHE"]) / release_registry.RELEASES
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


if find_spec("torch") is None:
    NO_TORCH = "No module named 'torch'"

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        collector: pytest.Collector,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if report.failed and NO_TORCH in str(report.longrepr):
            report.outcome = "skipped"
            report.longrepr = (str(collector.path), 1, f"Skipped: {NO_TORCH}")
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup() -> Generator[None, None, None]:
        try:
            return (yield)
        except (ModuleNotFoundError, BlazePalmError) as error:
            cause = error.__cause__ if isinstance(error, BlazePalmError) else error
            if getattr(cause, "name", None) != "torch":
                raise
            pytest.skip(NO_TORCH)

    pytest_runtest_call = pytest_runtest_setup
else:
    from blazepalm.converter.coreml.quiet import UNUSED, without

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        collector: pytest.Collector,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Test files import coremltools at their top: without what it would look for in vain."""
        with without(UNUSED):
            return (yield)
