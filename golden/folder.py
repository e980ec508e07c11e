"""A folder written beside its place, then put there as a whole."""

import shutil
from pathlib import Path


def put_in_place(folder: Path, temporary: Path) -> None:
    """Puts `temporary`, its sibling, in the place of `folder`, which may be there already; where
    that fails, the old one is there again. Raises OSError.
    """
    if not folder.exists():
        temporary.rename(folder)
        return
    aside = folder.with_name(f"{temporary.name}.old")
    folder.rename(aside)
    try:
        temporary.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside)
