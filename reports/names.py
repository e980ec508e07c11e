"""Names out of files as parts of paths: a name never leaves its folder."""

import re

UNSAFE = re.compile(r"[^\w.+~-]")


def file_name(name: str) -> str:
    """A name as one component of a path."""
    return UNSAFE.sub("_", name).lstrip(".") or "_"
