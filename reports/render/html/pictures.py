"""Embeds the cases' pictures in the page as small JPEGs (`data:` URLs).

A case's path is not trusted: it must stay in the report's folder, and the file is read with the
limits for any untrusted image: size and a fixed list of formats. Unreadable files are left out.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from blazepalm.errors import InvalidImage
from blazepalm.reports.judge.report import CaseResult

# Pictures shrink with the number of cases, so that a page stays a few megabytes: (cases, width)
WIDTHS = ((64, 480), (120, 360), (220, 280))
MIN_WIDTH = 200
QUALITY = 75


def pictures(cases: Sequence[CaseResult], folder: Path | None) -> list[str | None]:
    """One `data:` URL per case, None without a picture."""
    if folder is None:
        return [None] * len(cases)
    number = sum(case.image is not None for case in cases)
    width = next((width for most, width in WIDTHS if number <= most), MIN_WIDTH)
    return [_picture(case.image, folder, width) for case in cases]


def _picture(name: str | None, folder: Path, width: int) -> str | None:
    from PIL import Image

    from blazepalm.media.images import read_image

    if name is None:
        return None
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            return None
        image = Image.fromarray(read_image(path))
    except (InvalidImage, OSError, ValueError):
        return None
    image.thumbnail((width, width * 2), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
