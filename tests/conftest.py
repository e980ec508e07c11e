"""Settings and fixtures of all tests: one thread per process, a cache of their own, a command line.

Where torch is not installed, tests that import it are skipped (`make test-python`).
"""

import gc
import os
import re
from collections.abc import Generator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from blazepalm.converter import package_cache
from blazepalm.errors import BlazePalmError
from blazepalm.golden import make
from blazepalm.models import release_registry
from blazepalm.reports.backends import kept_answers
from support.cli import Cli, Outcome

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run side by side

# Python's own (700, 10, 10) spends up to a ninth of the tests' time on what the libraries made.
gc.set_threshold(50_000, 10, 10)
COLLECT_EVERY = 100  # tests: models in circles of references would take up to 4 GB
NUMBERS, STARTED = count(), count(1)


def pytest_collection_finish() -> None:
    """What has been imported by now stays: no collection scans it again."""
    gc.freeze()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pytest's own, which looks through all earlier folders each time."""
    name = re.sub(r"\W", "_", request.node.name, flags=re.ASCII)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}-{next(NUMBERS)}"
    path.mkdir(0o700)
    return path


@pytest.fixture(autouse=True)
def _own_surroundings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path_factory.getbasetemp() / f"own-{next(NUMBERS)}"  # made by whoever needs it
    monkeypatch.setenv("BLAZEPALM_CACHE", str(own.with_name("cache")))
    monkeypatch.delenv("BLAZEPALM_URL", raising=False)
    monkeypatch.setenv("BLAZEPALM_PHOTOS", f"{own}-photos")
    monkeypatch.setenv("COLUMNS", "80")
    # the cache is shared by tests that run in one process, for the programs and the golden set; but
    # what a fault planted by one test computes must not reach another
    monkeypatch.setattr(release_registry, "RELEASES", f"releases-{own.name}")
    monkeypatch.setattr(kept_answers, "FILE", f"answers-{own.name}.sqlite")
    monkeypatch.setattr(make, "PICTURES", f"pictures-{own.name}.sqlite")
    monkeypatch.setattr(package_cache, "RUNTIME", f"coreml-{own.name}")


def pytest_runtest_setup() -> None:
    if next(STARTED) % COLLECT_EVERY == 0:
        gc.collect()


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
