"""PyTorch's runtime for phones computes the readable module with LiteRT's own bits."""

import subprocess
import sys

import numpy as np
import pytest

from blazepalm.converter import pte_cache
from blazepalm.converter.pte import missing_executorch
from blazepalm.errors import CouldNotVerify, InvalidInput
from blazepalm.reports.backends.executorch import load_program
from blazepalm.reports.backends.registry import asked_for
from blazepalm.reports.hands.open_models import open_model
from blazepalm.reports.parity_options import Options
from blazepalm.reports.subjects.open_subject import open_subject
from support.converted import images
from support.models import shared_model

IGNORED = pytest.mark.filterwarnings("ignore")  # torch and ExecuTorch warn about each other


@pytest.fixture(autouse=True)
def _installed() -> None:
    if (reason := missing_executorch()) is not None:
        pytest.skip(reason)


@IGNORED
def test_it_has_litert_s_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    release = "hand-lite-2022"
    path = shared_model(release)
    subject = open_subject(
        str(path), path.read_bytes(), workers=1, packages=None, only=("tflite", "executorch")
    )
    given = images(release, 2)
    found = subject.backends["executorch"].run(given)
    expected = subject.backends["tflite"].run(given)
    assert found.keys() == expected.keys() and found
    for name, value in found.items():
        assert value.shape == expected[name].shape
        assert np.array_equal(value.view(np.int32), expected[name].view(np.int32))
        assert (value[0] != value[1]).any()  # each result was copied out in time
    assert len(subject.artifacts["executorch"]) == 64

    def again(*given: object) -> bytes:
        raise AssertionError("lowered twice")

    monkeypatch.setattr(pte_cache, "lower", again)
    mine, theirs = (
        open_model(path, "hand", backend, notice=lambda line: None).run(given)
        for backend in ("executorch", "tflite")
    )
    assert mine.keys() == theirs.keys() and len(mine) == 4
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


def test_the_exporter_is_not_imported_to_run_a_program() -> None:
    """It takes longer to import than torch. What a later import would find half made is gone."""
    code = (
        "import sys\n"
        "from blazepalm.reports.backends.executorch import hush_executorch\n"
        "hush_executorch()\n"
        "assert 'executorch.runtime' in sys.modules and 'torch._dynamo' not in sys.modules\n"
        "assert not [name for name in sys.modules if name.startswith('executorch.exir')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_bytes_that_are_no_program_are_refused_in_one_sentence() -> None:
    with pytest.raises(CouldNotVerify, match=r"^x\.pte: ExecuTorch cannot load the program: "):
        load_program(b"no program", "x.pte")


def test_a_backend_that_takes_long_runs_only_if_asked_for() -> None:
    assert Options(backends=("executorch",)).backends == ("executorch",)
    with pytest.raises(InvalidInput, match="no backend 'tflite' to ask for; .*executorch"):
        asked_for(["tflite"])
