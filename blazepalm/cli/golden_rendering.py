"""Renders the golden set in the background, while a command opens its models."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.cli import console

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet


@contextmanager
def rendering(
    folder: Path | None, on_step: console.OnStep, wanted: bool
) -> "Iterator[Callable[[], GoldenSet] | None]":
    """Renders the golden set in `folder` (None: the user's cache) in the background if it is
    missing; yields a function that waits for it, or None. Leaving the block stops the rendering.
    """
    from blazepalm.golden.cases import GOLDEN_VERSION
    from blazepalm.golden.make import make_golden
    from blazepalm.golden.manifest import MANIFEST, load_golden
    from blazepalm.models.release_registry import cache_folder

    if not wanted:
        yield None
        return
    if folder is not None and (folder / MANIFEST).is_file():
        golden = load_golden(folder)
        yield lambda: golden
        return
    place = folder or cache_folder().parent / f"golden-{GOLDEN_VERSION}"
    left = threading.Event()

    def on_case(name: str, done: int, total: int) -> None:
        if left.is_set():
            raise CancelledError
        on_step("rendering", done, total)

    with ThreadPoolExecutor(1) as background:
        rendered = background.submit(make_golden, place, on_case=on_case)
        try:
            yield rendered.result
        finally:
            left.set()
