"""Names as parts of paths: they stay in their folder, and distinct."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.file_names import file_name, readable_file_name, unique_name


@pytest.mark.parametrize("name", ["../../etc", ".", "..", "", "a/b\\c", "\udc80\x00", "ü" * 300])
def test_a_name_never_leaves_its_folder(name: str) -> None:
    found = file_name(name)
    assert found and Path(found).name == found and found not in (".", "..")
    assert len(found.encode()) <= 150 and "\x00" not in found


def test_readable_names() -> None:
    for name, expected in (
        ("photo", "photo"),
        ("my clip.v2", "my clip.v2"),
        ("naïve 手", "naïve 手"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("a/b\\c:d", "a_b_c_d"),
        ("new\nline\u202e", "new_line_"),
        ("", "_"),
    ):
        assert readable_file_name(name) == expected


@given(st.text())
def test_any_name_becomes_a_file_name(name: str) -> None:
    plain = readable_file_name(name)
    assert plain == Path(plain).name and plain not in ("", ".", "..")
    assert plain.isprintable() and not plain.startswith(".")
    assert len(plain.encode("utf-8")) <= 150
    assert readable_file_name(plain) == plain


def test_names_that_a_disk_takes_for_one_are_told_apart() -> None:
    taken: set[str] = set()
    found = [
        unique_name(name, taken) for name in ("Hand", "hand", "caf\xe9", "cafe\u0301", "hand-2")
    ]
    assert found == ["Hand", "hand-2", "caf\xe9", "cafe\u0301-2", "hand-2-2"]
