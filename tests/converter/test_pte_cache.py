"""A program is lowered once for the same weights, structure and versions; a damaged one is not
taken.
"""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import torch
from torch import nn

from blazepalm.converter import program_cache, pte_cache
from blazepalm.converter.pte import Shapes, missing_executorch
from blazepalm.converter.pte_cache import cached_program

SHAPES: Shapes = ((1, 2),)


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The sources that were lowered; each gives other bytes."""
    if (reason := missing_executorch()) is not None:
        pytest.skip(reason)
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    done: list[str] = []

    def lower(module: nn.Module, shapes: Shapes, source: str) -> bytes:
        done.append(source)
        return f"program {len(done)}".encode()

    monkeypatch.setattr(pte_cache, "lower", lower)
    return done


def get(
    module: nn.Module, source: str = "a", structure: str = "s", shapes: Shapes = SHAPES
) -> bytes:
    return cached_program(module, shapes, {"is": structure}, source)


def test_only_what_decides_the_bytes_lowers_again(
    lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    module = nn.Linear(2, 2)
    assert get(module) == get(module, "the same by another name") == b"program 1"
    other = nn.Linear(2, 2)
    assert get(other) == b"program 2"
    with torch.no_grad():
        module.weight.view(-1)[0] = torch.nextafter(module.weight.view(-1)[0], torch.tensor(9.0))
    assert get(module) == b"program 3", "the last bit of a weight"
    assert get(module, structure="t") == b"program 4"
    assert get(module, shapes=((2, 2),)) == b"program 5"
    monkeypatch.setattr(pte_cache, "version", lambda name: "0.0.0")
    assert get(module) == b"program 6"
    monkeypatch.setattr(pte_cache, "_code", lambda: "other code")
    assert get(module) == b"program 7"
    assert lowered == ["a"] * 7


@pytest.mark.parametrize("content", [b"", b"program 2", b"program"])
def test_a_damaged_program_is_lowered_again(
    lowered: list[str], content: bytes, tmp_path: Path
) -> None:
    module = nn.Linear(2, 2)
    get(module)
    with closing(sqlite3.connect(tmp_path / "cache" / "executorch.sqlite")) as file, file:
        file.execute("UPDATE kept SET value = ?", (content,))
    assert get(module) == b"program 2" and len(lowered) == 2
    assert get(module) == b"program 2" and len(lowered) == 2, "and kept"


def test_programs_take_no_more_than_their_size(
    lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one goes first: `tests/test_cache_file.py`."""
    monkeypatch.setattr(program_cache, "MAX_BYTES", 3 * len(b"program 1"))
    modules = [nn.Linear(2, 2) for _ in range(4)]
    made = [get(module) for module in modules]
    assert [get(module) for module in modules[1:]] == made[1:] and len(lowered) == 4
    assert get(modules[0]) == b"program 5"


def test_nothing_is_kept_where_nothing_can_be_written(
    lowered: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "file" / "cache"))
    module = nn.Linear(2, 2)
    assert (get(module), get(module)) == (b"program 1", b"program 2")


def test_one_thread_lowers_while_others_wait(
    lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, begun = nn.Linear(2, 2), threading.Event()
    plain = pte_cache.lower

    def slow(module: nn.Module, shapes: Shapes, source: str) -> bytes:
        begun.set()
        time.sleep(0.3)
        return plain(module, shapes, source)

    monkeypatch.setattr(pte_cache, "lower", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(get, module)
        assert begun.wait(60)
        second = pool.submit(get, module)
        assert first.result() == second.result() == b"program 1"
    assert len(lowered) == 1
