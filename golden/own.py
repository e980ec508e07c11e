"""Turns your own pictures and frames of videos into recorded cases: PNG copies, without truth.

They stay in a golden folder whatever is rendered there later; no picture is kept twice. So does
`recorded.json`: earlier detections in the folder's pictures, expected ever since
(`reports/recording/recording.py` writes and reads it).
"""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage
from blazepalm.file_names import folded, unique_name
from blazepalm.golden.manifest import GoldenCase
from blazepalm.media.frames import OnSkip, find_sources, read_frames

RECORDING = "recorded.json"


def own_pictures(
    paths: Sequence[str | Path],
    kept: Mapping[str, GoldenCase],
    on_skip: OnSkip = lambda path, sentence: None,
) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, PNG and parameters of the pictures that `kept` lacks, one in memory at a time;
    `on_skip` as for `find_sources`. Raises InvalidImage if one cannot be read, and for a camera.
    """
    sources = find_sources(paths, on_skip) if paths else []
    if any(source.kind == "camera" for source in sources):
        raise InvalidImage("camera: never ends, so it cannot be kept; give pictures or a video")
    names = {folded(name) for name in kept}
    digests = {case.sha256 for case in kept.values() if case.kind == "own"}
    for source in sources:
        for frame in read_frames(source):
            content = png(frame.image)
            digest = hashlib.sha256(content).hexdigest()
            if digest in digests:
                continue
            digests.add(digest)
            name = unique_name("own-" + _case_name(frame.name), names)
            yield name, content, {"source": Path(frame.source).name, "frame": frame.index}


def recordings(folder: Path) -> tuple[str, ...]:
    """The names of the recordings in a golden folder: one regular file, or nothing."""
    path = folder / RECORDING
    return (RECORDING,) if path.is_file() and not path.is_symlink() else ()


def png(image: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file; the same pixels give the same bytes."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=2)
    return stream.getvalue()


def _case_name(name: str) -> str:
    """Short and ASCII, like the names of rendered cases."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "picture"
