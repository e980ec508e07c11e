"""What the verifier refuses, LiteRT's refuses too; every file that LiteRT ships with passes.

The other direction, that LiteRT refuses nothing more, is counted by `make fuzz` (LiteRT may die of
a file that its verifier lets pass).
"""

import struct

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.verifier import TABLES, Damaged, unions_of, verify
from blazepalm.errors import InvalidModel
from blazepalm.models.releases import resolve
from support.records import many_operators
from support.tiny import doubling

UNIONS = unions_of(schema)
REFUSED = "The model is not a valid Flatbuffer buffer"


def with_word(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + struct.pack("<I", value) + content[at + 4 :]


def litert_refuses(content: bytes) -> bool:
    try:
        Interpreter(model_content=content)
    except ValueError as error:
        return REFUSED in str(error)
    return False


@pytest.mark.parametrize("value", [0, 1, 0x7FFFFFF0, 0xFFFFFFFF])
def test_every_word_of_a_file_in_turn(value: int) -> None:
    content, refused = doubling(), 0
    for at in range(8, len(content) - 3, 4):  # behind the identifier
        changed = with_word(content, at, value)
        try:
            verify(changed, UNIONS)
        except Damaged:
            refused += 1
            assert litert_refuses(changed), at
    assert refused > 20


def test_a_text_without_its_end() -> None:
    content = doubling()
    end = content.index(b"double\0") + len(b"double")
    changed = content[:end] + b"x" + content[end + 1 :]
    with pytest.raises(InvalidModel, match="a text of table Tensor has no end; fetch the file"):
        read_bytes(changed, "x.tflite")
    assert litert_refuses(changed)


def test_a_table_off_its_alignment() -> None:
    """The root moved by two bytes: all its offsets still lead somewhere inside the file."""
    content = doubling()
    (root,) = struct.unpack_from("<I", content)
    changed = with_word(content, 0, root + 2)
    with pytest.raises(InvalidModel, match="damaged"):
        read_bytes(changed, "x.tflite")
    assert litert_refuses(changed)


@pytest.mark.parametrize("name", ["palm-lite", "hand-lite"])
def test_releases_pass(name: str) -> None:
    verify(resolve(name).read_bytes(), UNIONS)
    verify(many_operators(), UNIONS)


def test_every_table_that_the_schema_names_is_known() -> None:
    """A table without fields of its own needs no line."""
    for table in (name for union in UNIONS.values() for name in union.values()):
        slots = [n for n in vars(getattr(schema, table)) if n[0].isupper() and "As" not in n]
        slots = [n for n in slots if not n.startswith(table) and n not in ("Init", "GetRootAs")]
        assert (table in TABLES) == bool(slots), table
