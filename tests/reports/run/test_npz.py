"""Archives of arrays: NumPy and a zip reader read them, and no name leads outside the folder."""

import pickle
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from blazepalm.errors import InvalidInput
from blazepalm.reports.run.npz import member_names, read_npy, write_npz

ARRAYS: dict[str, np.ndarray] = {
    "file": np.arange(6, dtype=np.float16).reshape(2, 3),  # what np.savez calls its first argument
    "block/conv 1": np.array(3),
    "label": np.array(["a hand", "none"], object),
    "empty": np.zeros((0, 4), np.float32),
}


def test_numpy_reads_it_without_pickle(tmp_path: Path) -> None:
    members = write_npz(tmp_path / "x.npz", ARRAYS)
    assert members == {name: name for name in ARRAYS}
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert found[name].tolist() == array.tolist()
            assert found[name].dtype == array.dtype or array.dtype == object


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_npz(tmp_path / f"{name}.npz", ARRAYS)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_names_stay_in_the_folder(tmp_path: Path) -> None:
    hostile = ["../../etc/x", "/etc/x", "..", "", ".", "a\\..\\b", "a\0b", "a/../../b", "\x1b[2J"]
    members = write_npz(tmp_path / "x.npz", {name: np.array(i) for i, name in enumerate(hostile)})
    assert len(set(members.values())) == len(hostile)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            assert not path.is_absolute() and ".." not in path.parts
            assert name.isprintable() and "\\" not in name
    with np.load(tmp_path / "x.npz") as found:
        assert [int(found[members[name]]) for name in hostile] == list(range(len(hostile)))


def test_names_that_become_alike_are_told_apart() -> None:
    assert member_names(["a:b", "a_b", "a;b"]) == {"a:b": "a_b", "a_b": "a_b_2", "a;b": "a_b_3"}


def test_an_array_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS["file"])
    assert read_npy(tmp_path / "x.npy").tolist() == ARRAYS["file"].tolist()


class Bomb:
    def __reduce__(self) -> Any:
        return (print, ("never",))


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        pickle.dumps(Bomb()),
        header("(1099511627776,)"),
        header("(4,)") + b"\0" * 15,
        header("(-4,)") + b"\0" * 16,
        header("(" * 500),
    ],
)
def test_whatever_the_bytes_it_is_one_sentence(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"x\.npy: ") as caught:
        read_npy(tmp_path / "x.npy")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_objects_are_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"x\.npy"):
        read_npy(tmp_path / "x.npy")


def test_neither_folders_nor_archives_are_arrays(tmp_path: Path) -> None:
    write_npz(tmp_path / "x.npz", ARRAYS)
    with pytest.raises(InvalidInput, match="holds several arrays"):
        read_npy(tmp_path / "x.npz")
    for path in (tmp_path, tmp_path / "missing.npy"):
        with pytest.raises(InvalidInput, match=path.name):
            read_npy(path)
