"""Keeps programs that take long to make in the user's cache folder, in one file for each runtime.

A program is found by a key, the SHA-256 of everything that decides its bytes. One process makes a
program while others wait for it. A damaged one is made again, the oldest are deleted beyond
MAX_BYTES, and without a writable folder nothing is kept (`blazepalm.cache_file`).
"""

from collections.abc import Callable
from contextlib import ExitStack, closing, suppress

from blazepalm.atomic import claim
from blazepalm.cache_file import CacheFile
from blazepalm.cache_folder import cache_folder
from blazepalm.errors import ArtifactError

MAX_BYTES = 256 << 20  # some fifty programs of one runtime


def kept_program(runtime: str, key: str, make: Callable[[], bytes]) -> bytes:
    """The runtime's program of this key if it is kept, else as `make` returns it. Raises what
    `make` raises.
    """
    with ExitStack() as stack:
        file = stack.enter_context(closing(programs_file(runtime)))
        if (content := file.get(key)) is not None:
            return content
        with suppress(ArtifactError):
            stack.enter_context(claim(file.path.with_name(f"{runtime}-{key}"), wait=True))
        if (content := file.get(key)) is None:  # no other process has made it meanwhile
            content = make()
            file.put(key, content)
    return content


def programs_file(runtime: str) -> CacheFile:
    """The file of a runtime's programs."""
    return CacheFile(cache_folder() / f"{runtime}.sqlite", MAX_BYTES)
