"""Embeds the cases' pictures in the page as small JPEGs (`data:` URLs), and groups the cases:
photographs apart, each with its credit.

A case's path is not trusted: it must stay in the report's folder, and the file is read with the
limits for any untrusted image: size and a fixed list of formats. Unreadable files are left out.
"""

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blazepalm.errors import InvalidImage
from blazepalm.reports.judge.report import CaseResult, ParityReport
from blazepalm.reports.judge.report_parts import PhotoCredit

# Pictures shrink with the number of cases, so that a page stays a few megabytes: (cases, width)
WIDTHS = ((64, 480), (120, 360), (220, 280))
MIN_WIDTH = 200
QUALITY = 75


class Gallery(NamedTuple):
    """Cases shown together, each with its number in the report and, for a photograph, its credit;
    without photographs, the only gallery has no title.
    """

    title: str
    about: str
    cases: list[tuple[int, CaseResult, PhotoCredit | None]]


def galleries(report: ParityReport, images: Sequence[str | None]) -> list[Gallery]:
    """The report's cases that can be shown: a picture, hands, or a size at least."""
    credit_of = {photo.name: photo for photo in report.photos}
    shown = [
        (number, case, credit_of.get(case.name))
        for number, case in enumerate(report.cases)
        if images[number] or case.hands or case.width
    ]
    if not credit_of:
        return [Gallery("", "", shown)]
    others = [entry for entry in shown if entry[2] is None]
    photos = [entry for entry in shown if entry[2] is not None]
    about = "Shown smaller than they are; their joints are unknown, so none counts for the truth."
    groups = [
        Gallery("Rendered and own pictures", "", others),
        Gallery("Photographs", about, photos),
    ]
    return [group for group in groups if group.cases]


def pictures(cases: Sequence[CaseResult], folder: Path | None) -> list[str | None]:
    """One `data:` URL per case, None without a picture."""
    if folder is None:
        return [None] * len(cases)
    number = sum(case.image is not None for case in cases)
    width = next((width for most, width in WIDTHS if number <= most), MIN_WIDTH)
    return [_picture(case.image, folder, width) for case in cases]


def missing_pictures(report: ParityReport, folder: Path) -> int:
    """How many pictures that the report names are not in the folder."""
    named = [case.image for case in report.cases if case.image is not None]
    return sum(not os.path.isfile(folder / name) for name in named)


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
