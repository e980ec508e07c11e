"""Turns names found in files into parts of paths: a name never leaves its folder, and no two names
share a file.
"""

import re
from collections.abc import Callable
from itertools import count
from unicodedata import normalize

UNSAFE = re.compile(r"[^\w.+~-]")
FORBIDDEN = frozenset('/\\:*?"<>|')  # on one system or another
MAX_BYTES = 150  # of the 255 that file systems allow


def file_name(name: str) -> str:
    """One path component of letters, digits and `_.+~-`."""
    return _cut(UNSAFE.sub("_", name).lstrip(".")) or "_"


def readable_file_name(name: str) -> str:
    """One path component that keeps everything that all file systems allow, including spaces."""
    kept = "".join(c if c.isprintable() and c not in FORBIDDEN else "_" for c in name)
    return _cut(kept).strip(" .") or "_"


def folded(name: str) -> str:
    """The name as disks compare it: some ignore case, and some how accents are encoded."""
    return normalize("NFC", name).casefold()


def unique_name(
    name: str, taken: set[str], separator: str = "-", key: Callable[[str], str] = folded
) -> str:
    """`name`, with the first free number from 2 on appended if it is taken; adds the key of the
    result to `taken`, the keys of the names in use.
    """
    numbered = (f"{name}{separator}{n}" for n in count(2))
    unique = name
    while key(unique) in taken:
        unique = next(numbered)
    taken.add(key(unique))
    return unique


def _cut(name: str) -> str:
    return name.encode(errors="replace")[:MAX_BYTES].decode(errors="ignore")
