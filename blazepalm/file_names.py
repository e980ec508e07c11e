"""Names out of files as parts of paths: a name never leaves its folder."""

import re

UNSAFE = re.compile(r"[^\w.+~-]")
LONGEST = 150  # bytes, of the 255 that a file system takes


def file_name(name: str) -> str:
    """A name as one component of a path."""
    safe = UNSAFE.sub("_", name).lstrip(".").encode()[:LONGEST].decode(errors="ignore")
    return safe or "_"
