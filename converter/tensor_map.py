"""The tensor map: where every weight of a file went."""

from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class TensorMapRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter: what the file stores, how it was unpacked and transposed, where it is now.

    `source_sha256` hashes the bytes in the file, `value_sha256` the parameter's bytes (C order,
    little endian).
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    operator: int
    operand: int
    tensor: int
    name: str
    stored_dtype: str
    stored_shape: tuple[int, ...]
    sparse: bool
    folded: tuple[str, ...]
    transform: str
    source_sha256: Sha256
    value_sha256: Sha256


TensorMap = tuple[TensorMapRow, ...]


def tensor_map_to_list(rows: TensorMap) -> list[dict[str, Any]]:
    """Rows as plain dicts, sorted by key."""
    found: list[dict[str, Any]] = to_builtins(sorted(rows, key=lambda row: row.key))
    return found
