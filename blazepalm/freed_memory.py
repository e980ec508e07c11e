"""Keeps freed memory for the next picture.

glibc returns large arrays to the kernel as soon as they are freed. The next picture's arrays then
come back page by page, each cleared by the kernel: some 900 pages for a picture of 640×480.
"""

import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt, in glibc's malloc.h
LARGEST = 32 << 20  # bytes; larger arrays go back to the kernel at once (glibc allows no more)
KEPT = 64 << 20  # bytes of freed memory, at most, at the end of each of glibc's heaps


def keep_freed_memory() -> None:
    """Has this process keep what it frees, up to `KEPT` bytes. Does nothing without glibc."""
    if sys.platform != "linux":
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)
