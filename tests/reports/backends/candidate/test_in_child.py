"""A stranger's `.tflite` runs in a process of its own: the same bits, and no crash of ours."""

import numpy as np
import pytest

from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.candidate.tflite_file import open_tflite
from blazepalm.reports.backends.litert import open_litert
from support.models import shared_file, shared_model


def test_the_same_bits() -> None:
    path = shared_model("hand-lite-2022")
    model = open_tflite(path)
    image = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
    here = open_litert(path.read_bytes(), model.outputs, source="here").run(image)
    found = model.run(image)
    assert list(found) == list(here) and len(found) == 4
    assert all(found[name].tobytes() == value.tobytes() for name, value in here.items())


def test_a_file_that_kills_litert() -> None:
    """It dies of the file, or of the first image."""
    path = shared_file("hostile/crash.tflite")
    with pytest.raises(ProcessDied, match=r"crash.tflite: its process was killed by SIG"):
        open_tflite(path).run(np.zeros((1, 4, 4, 1), np.float32))
