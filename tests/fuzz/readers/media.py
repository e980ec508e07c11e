"""Pictures and videos."""

from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np

from fuzz.mutations import damage_bytes, damage_near_start
from fuzz.outcomes import OTHER, Escaped
from fuzz.reader import reader

MOST_FRAMES = 1000  # of a clip of six


def _pictures(folder: Path) -> list[tuple[str, bytes]]:
    import io

    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8))
    found = []
    for suffix, form in ((".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".bmp", "BMP"),
                         (".gif", "GIF"), (".tiff", "TIFF")):  # fmt: skip
        packed = io.BytesIO()
        picture.save(packed, form)
        found.append((suffix, packed.getvalue()))
    return found


@reader("pictures", _pictures)
def pictures(random: Random, corpus: list[tuple[str, bytes]], folder: Path) -> None:
    from blazepalm.media.images import read_image

    suffix, content = random.choice(corpus)
    path = folder / f"mutant{suffix}"
    path.write_bytes(damage_near_start(random, content, 100))
    found = read_image(path)
    assert found.ndim == 3 and found.dtype == np.uint8


def _videos(folder: Path) -> list[tuple[str, bytes]]:
    """Clips of six small frames, one for each container and codec that OpenCV can write here."""
    from support.clips import write_clip

    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 255, (6, 32, 48, 3), np.uint8)
    found = []
    for suffix, codec in (
        (".mp4", "mp4v"),
        (".avi", "MJPG"),
        (".avi", "mp4v"),
        (".mkv", "mp4v"),
        (".webm", "VP80"),
        (".mov", "MJPG"),
    ):
        path = folder / f"clip{suffix}"
        with suppress(AssertionError):  # no such encoder
            write_clip(path, images, codec=codec)
            found.append((suffix, path.read_bytes()))
    assert found, "OpenCV writes no video here"
    return found


@reader("videos", _videos)
def videos(random: Random, corpus: list[tuple[str, bytes]], folder: Path) -> None:
    from blazepalm.media.captures import read_video, video_header

    suffix, content = random.choice(corpus)
    path = folder / f"mutant{suffix}"
    if random.random() < 0.3:  # indices of MP4 and AVI lie at the end
        content = content[:-600] + damage_bytes(random, content[-600:])
    else:
        content = damage_near_start(random, content, 600)
    path.write_bytes(content)
    frames, fps = video_header(str(path))
    for index, (_, image) in enumerate(read_video(str(path), frames, fps)):
        assert image.ndim == 3 and image.dtype == np.uint8
        if index > MOST_FRAMES:
            raise Escaped(OTHER, f"over {MOST_FRAMES} frames of {len(content)} bytes")
