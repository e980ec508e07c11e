"""Renders the golden set in the background, while a command opens its models, and finds the
photographs.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.cli import console

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.golden.photos import LocalPhoto


def known_photos() -> "tuple[LocalPhoto, ...]":
    """The photographs of the golden set on this machine; a note says if some are not."""
    from blazepalm.golden.photos import local_photos, photos

    found = local_photos()
    known = sum(not photo.video for photo in photos())
    if len(found) < known:
        missing = "none" if not found else f"only {len(found)}"
        console.note(
            f"photographs: {missing} of the golden set's {known} on this machine; "
            "`blazepalm golden photos fetch` brings them"
        )
    return found


@contextmanager
def rendering(
    folder: Path | None, on_step: console.OnStep, wanted: bool, *, cache: bool = True
) -> "Iterator[Callable[[], GoldenSet] | None]":
    """Renders the golden set in `folder` (None: the user's cache) in the background if it is
    missing; yields a function that waits for it, or None. Leaving the block stops the rendering.
    `cache`: whether pictures that were rendered before are taken from the user's cache folder.
    """
    from blazepalm.golden.make import cached_folder, make_golden
    from blazepalm.golden.manifest import MANIFEST, load_golden

    if not wanted:
        yield None
        return
    if folder is not None and (folder / MANIFEST).is_file():
        golden = load_golden(folder)
        yield lambda: golden
        return
    place = folder or cached_folder()
    left = threading.Event()

    def on_case(name: str, done: int, total: int) -> None:
        if left.is_set():
            raise CancelledError
        on_step("rendering", done, total)

    with ThreadPoolExecutor(1) as background:
        rendered = background.submit(make_golden, place, on_case=on_case, cache=cache)
        try:
            yield rendered.result
        finally:
            left.set()
