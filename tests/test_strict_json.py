"""JSON that is small on the disk and large in memory is refused before it is built."""

import tracemalloc

import pytest

from blazepalm import strict_json

LISTS = b"[" + b"[]," * (5 << 20) + b"[]]"  # 16 MB; 300 MB as lists


@pytest.mark.parametrize("text", [LISTS, LISTS.decode(), b"[" + b"0," * (1 << 23) + b"0]"])
def test_items_are_counted_before_they_take_memory(text: str | bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^\d+ items, more than 4194304$"):
            strict_json.loads(text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_what_is_written_is_read() -> None:
    assert strict_json.loads('{"a": [1, 2.5, "x,[{"]}') == {"a": [1, 2.5, "x,[{"]}
