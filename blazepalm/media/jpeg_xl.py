"""The size in a JPEG XL file's header, read before a decoder is trusted with the file.

ISO/IEC 18181-1, 9.2 (SizeHeader; bits from the lowest on), and 18181-2, 9 (boxes: the codestream
lies in a `jxlc` box or begins in the first `jxlp` box, after four bytes).
"""

from pathlib import Path

from blazepalm.errors import InvalidImage

START = 65536  # bytes in which the codestream must begin
BARE = b"\xff\x0a"
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
BITS = (9, 13, 18, 30)


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, before any rotation. Raises InvalidImage; OSError."""
    with path.open("rb") as file:
        stream = _codestream(file.read(START))
    if stream[:2] != BARE or len(stream) < 12:
        raise InvalidImage(f"{path}: cannot be decoded: a JPEG XL file without a picture")
    bits = int.from_bytes(stream[2:12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side(small: int) -> int:
        return 8 * (take(5) + 1) if small else take(BITS[take(2)]) + 1

    small = take(1)
    height = side(small)
    ratio = take(3)
    if ratio == 0:
        return side(small), height
    wide, tall = RATIOS[ratio - 1]
    return height * wide // tall, height


def _codestream(start: bytes) -> bytes:
    """The codestream's beginning; empty if there is none."""
    at = 0
    while start[:2] != BARE and at + 8 <= len(start):
        size, kind, head = int.from_bytes(start[at : at + 4], "big"), start[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(start[at + 8 : at + 16], "big"), 16
        if kind in (b"jxlc", b"jxlp"):
            return start[at + head + (4 if kind == b"jxlp" else 0) :]
        if size < head:  # 0: to the file's end
            return b""
        at += size
    return start
