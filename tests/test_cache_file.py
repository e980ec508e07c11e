"""The cache file: what is put in comes back whole or not at all, and takes no more than
its size.
"""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blazepalm import cache_file
from blazepalm.cache_file import CacheFile, code_sha256, key_of

MOST = 4000


def change(path: Path, command: str, *values: object) -> None:
    """Alters the file as another program would."""
    with sqlite3.connect(path) as file:
        file.execute(command, values)
    file.close()


def test_a_value_comes_back_in_this_run_and_the_next(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "values.sqlite"
    first = CacheFile(path, MOST)
    assert first.get("a") is None
    first.put("a", b"\0one")
    assert first.get("a") == CacheFile(path, MOST).get("a") == b"\0one"
    first.put("a", b"two")
    assert CacheFile(path, MOST).get("a") == b"two"


def test_a_damaged_or_a_foreign_value_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    cache = CacheFile(path, MOST)
    for key in "abcd":
        cache.put(key, key.encode() * 3)
    change(path, "UPDATE kept SET value = ? WHERE key = 'a'", b"aab")
    row = "SELECT sha256 FROM kept WHERE key = 'c'"
    change(path, f"UPDATE kept SET value = ?, sha256 = ({row}) WHERE key = 'b'", b"ccc")
    change(path, "UPDATE kept SET value = 'ddd' WHERE key = 'd'")
    assert [cache.get(key) for key in "abcd"] == [None, None, b"ccc", None]
    cache.put("a", b"aaa")
    assert CacheFile(path, MOST).get("a") == b"aaa"


@pytest.mark.parametrize("content", [b"no database, but text" * 99, b"SQLite format 3\0" * 99])
def test_a_file_that_is_no_database_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "values.sqlite"
    path.write_bytes(content)
    cache = CacheFile(path, MOST)
    cache.put("a", b"one")
    assert cache.get("a") == CacheFile(path, MOST).get("a") == b"one"


def test_a_file_damaged_in_the_middle_never_gives_a_wrong_value(tmp_path: Path) -> None:
    """Each time a piece of another page is overwritten; the run after next keeps values again."""
    path = tmp_path / "values.sqlite"
    for place in range(0, 40_000, 2_500):
        path.unlink(missing_ok=True)
        cache = CacheFile(path, 1 << 20)
        values = {f"{key}": bytes([key]) * 700 for key in range(50)}
        for key, value in values.items():
            cache.put(key, value)
        content = bytearray(path.read_bytes())
        assert len(content) > 40_000
        content[place : place + 300] = b"\xa5" * 300
        path.write_bytes(content)
        for _ in range(2):
            cache = CacheFile(path, 1 << 20)
            assert all(cache.get(key) in (None, value) for key, value in values.items())
            cache.put("new", b"value")
        assert CacheFile(path, 1 << 20).get("new") == b"value"


def test_what_was_of_no_use_for_the_longest_time_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, day = tmp_path / "values.sqlite", 86400
    for number in range(4):
        monkeypatch.setattr(cache_file.time, "time", lambda n=number: 1000.0 + n * 2 * day)
        CacheFile(path, MOST).put(f"{number}", bytes(1000))
    monkeypatch.setattr(cache_file.time, "time", lambda: 1000.0 + 9 * day)
    assert CacheFile(path, MOST).get("0") is not None  # of use today
    CacheFile(path, MOST).put("new", bytes(1500))
    cache = CacheFile(path, MOST)
    there = [key for key in ("0", "1", "2", "3", "new") if cache.get(key) is not None]
    assert there == ["0", "3", "new"], "3500 of 4000 bytes"


@pytest.mark.parametrize("now", [0.0, 1e9], ids=["1970", "years back"])
def test_what_was_kept_while_the_clock_was_ahead_goes_first(
    tmp_path: Path, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "values.sqlite"
    for ahead in (5e9, 2e9, now):
        monkeypatch.setattr(cache_file.time, "time", lambda ahead=ahead: ahead)
        cache = CacheFile(path, MOST)
        for name in ("x", "y"):
            cache.put(f"{ahead}{name}", bytes(1500))
    assert [cache.get(f"{now}{name}") is not None for name in ("x", "y")] == [True, True]
    assert [cache.get(f"{ahead}{name}") for ahead in (5e9, 2e9) for name in ("x", "y")] == [
        None
    ] * 4


def test_a_run_writes_no_more_than_the_file_holds(tmp_path: Path) -> None:
    cache = CacheFile(tmp_path / "values.sqlite", MOST)
    for number in range(9):
        cache.put(f"{number}", bytes(1000))
    assert [cache.get(f"{n}") is not None for n in range(9)] == [True] * 4 + [False] * 5


def test_without_a_writable_folder_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = CacheFile(tmp_path / "file" / "values.sqlite", MOST)
    cache.put("a", b"one")
    assert cache.get("a") is None


def test_threads_and_two_runs_at_once(tmp_path: Path) -> None:
    caches = [CacheFile(tmp_path / "values.sqlite", 1 << 20) for _ in range(2)]

    def use(number: int) -> bool:
        value = f"{number % 20}".encode() * 100
        caches[number % 2].put(f"{number % 20}", value)
        return caches[number % 2].get(f"{number % 20}") in (value, None)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(200)))
    assert all(caches[0].get(f"{n}") == f"{n}".encode() * 100 for n in range(20))


def test_a_key_holds_all_it_is_told() -> None:
    assert key_of({"a": 1, "b": [2.5]}) == key_of({"b": [2.5], "a": 1}) != key_of({"a": 1})
    assert len({code_sha256("golden"), code_sha256("media"), code_sha256("golden", "media")}) == 3
