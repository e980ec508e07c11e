"""A backend is asked once for the same input by the same network, code, versions and kernels."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from blazepalm.cache_file import CacheFile
from blazepalm.reports.backends import kept_answers
from blazepalm.reports.backends.backend import Outputs, Registration
from blazepalm.reports.backends.kept_answers import REPEATABLE, found_here, kept, opened
from blazepalm.reports.backends.names import ORACLE, TFLITE, TORCH
from blazepalm.reports.backends.registry import registered

NETWORK = {"content": "c", "integers": "", "outputs": ["y"], "module": "m", "generic": "g"}
IMAGE = np.linspace(-1, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)


@dataclass
class Counting:
    """Answers with the number of times that it was asked; `kind` of dtype."""

    name: str = TORCH
    kind: str = "<f4"
    asked: list[int] = field(default_factory=list)

    def run(self, images: np.ndarray) -> Outputs:
        self.asked.append(images.size)
        return {
            "y": np.array([[-0.0, np.nan, len(self.asked)]], self.kind),
            "empty": np.zeros((0, 4), np.float64),
        }


@pytest.fixture
def file(tmp_path: Path) -> CacheFile:
    return CacheFile(tmp_path / "answers.sqlite", 1 << 20)


def ask(
    file: CacheFile,
    backend: Counting,
    image: np.ndarray = IMAGE,
    network: dict[str, object] | None = None,
    artifact: str | None = None,
) -> float:
    """Which of its answers a backend that was just opened gives."""
    registration = registered()[backend.name]
    given = kept(registration, backend, {**NETWORK, **(network or {})}, artifact, file)
    return float(given.run(image)["y"][0, 2])


def test_an_answer_comes_back_with_its_bits(file: CacheFile) -> None:
    backend = Counting()
    given = kept(registered()[TORCH], backend, NETWORK, None, file)
    before = found_here()
    first, again = given.run(IMAGE), given.run(IMAGE)
    assert backend.asked == [12] and found_here() == before + 1
    for name, value in first.items():
        assert (again[name].dtype, again[name].shape) == (value.dtype, value.shape)
        assert again[name].tobytes() == value.tobytes() and again[name].flags.writeable
    assert opened(given) is backend is opened(backend)


def test_whatever_decides_the_bits_asks_again(
    file: CacheFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Counting()
    assert ask(file, backend) == ask(file, backend) == 1
    other = IMAGE.copy()
    other[0, 0, 0, 0] = np.nextafter(other[0, 0, 0, 0], np.float32(9))
    assert ask(file, backend, other) == 2, "the last bit of a pixel"
    assert ask(file, backend, IMAGE.reshape(1, 1, 4, 3)) == 3
    assert ask(file, backend, network={"module": "n"}) == 4, "a weight"
    assert ask(file, backend, artifact="of a package") == 5
    monkeypatch.setattr(kept_answers, "versions", lambda *names: {"torch": "0"})
    assert ask(file, backend) == 6
    monkeypatch.setattr(kept_answers, "kernels", lambda: {"environment": ["ATEN_X=1"]})
    assert ask(file, backend) == 7
    monkeypatch.setattr(kept_answers, "code_sha256", lambda *parts: "other code")
    assert ask(file, backend) == 8 == ask(file, backend)


def test_litert_is_asked_again_for_another_file_only(
    file: CacheFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither our weights nor the converter's code decide what LiteRT computes from the file."""
    backend = Counting(TFLITE)
    assert ask(file, backend) == ask(file, backend, network={"module": "n", "generic": "h"}) == 1
    whole = kept_answers.code_sha256
    monkeypatch.setattr(
        kept_answers, "code_sha256", lambda *parts: f"{'converter' in parts} {whole('child.py')}"
    )
    assert ask(file, backend) == 2, "the code that runs it"
    assert ask(file, backend, network={"content": "d"}) == 3
    assert ask(file, Counting(ORACLE), network={"content": "d"}) == 1, "its own answers"


def test_a_planted_answer_is_not_taken(file: CacheFile) -> None:
    """The bytes of one key under another: the SHA-256 beside them is of both."""
    backend = Counting()
    ask(file, backend)
    rows = file._execute("SELECT key, sha256, size, used, value FROM kept")
    other = IMAGE + 1
    assert ask(file, backend, other) == 2
    keys = [key for (key,) in file._execute("SELECT key FROM kept")]
    (key,) = set(keys) - {rows[0][0]}
    file._execute(
        "UPDATE kept SET sha256 = ?, value = ? WHERE key = ?", rows[0][1], rows[0][4], key
    )
    assert ask(file, backend, other) == 3


def test_values_that_are_no_numbers_are_not_kept(file: CacheFile) -> None:
    backend = Counting(kind="<U8")
    assert ask(file, backend) == 1 and ask(file, backend) == 2


def test_unknown_code_is_asked_every_time(file: CacheFile) -> None:
    backend = Counting("a stranger's")
    registration = Registration(backend.name, "", "float32", lambda opening: backend)
    assert kept(registration, backend, NETWORK, None, file) is backend
    assert "coreml" not in REPEATABLE and set(REPEATABLE) <= set(registered())
