"""The output names of an operator-by-operator module: the file's tensor names as Python
identifiers, in a NamedTuple.
"""

import keyword
import re
from collections import namedtuple
from collections.abc import Iterable
from typing import Any

MAX_LENGTH = 100


def fields(names: Iterable[str]) -> tuple[str, ...]:
    """`StatefulPartitionedCall:1` → `StatefulPartitionedCall_1`; repeated names get a number."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:MAX_LENGTH] or "output"
        if not plain[0].isalpha() or keyword.iskeyword(plain) or hasattr(tuple, plain):
            plain = f"output_{plain}"
        unique, count = plain, 1
        while unique in found:
            count += 1
            unique = f"{plain}_{count}"
        found.append(unique)
    return tuple(found)


def named_tuple(names: Iterable[str]) -> Any:
    """The class whose instances hold one value for each name."""
    return namedtuple("Outputs", fields(names))
