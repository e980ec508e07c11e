"""Draws a golden folder on one sheet: every picture small, with its name, size and true joints."""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import InvalidImage
from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.reports.hands.draw import DrawnHand, draw_hands

COLUMNS = 7
CELL = (208, 156)  # width, height of a picture's cell
GAP, CAPTION, HEADING, MARGIN = 12, 36, 40, 24
OVER = 2  # joints are drawn at this multiple of the size on the sheet
PAPER, PLACE, INK, FAINT, MISSING = "#f7f6f2", "#eceae4", "#1f2630", "#7b8190", "#a4473a"
HEADINGS = {
    "hand": "hands, with their true joints",
    "stress": "hands that strain the networks",
    "hard": "no hand in the picture",
    "file": "difficult files",
    "own": "your own pictures",
}


def contact_sheet(golden: GoldenSet) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB, the cases in the manifest's order. An unreadable file has a
    cell labelled so. Raises ArtifactError where a file is not the manifest's.
    """
    from PIL import Image, ImageDraw, ImageFont

    groups = [(kind, list(cases)) for kind, cases in groupby(golden.cases, lambda c: c.kind)]
    lines = sum(-(-len(cases) // COLUMNS) for _, cases in groups)
    width = 2 * MARGIN + COLUMNS * CELL[0] + (COLUMNS - 1) * GAP
    height = 2 * MARGIN + HEADING * (1 + len(groups)) + lines * (CELL[1] + CAPTION + GAP)
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    title, head, name_font, small = (ImageFont.load_default(size) for size in (24, 18, 13, 11))
    draw.text((MARGIN, MARGIN), f"Golden set {golden.version}", INK, title)
    about = f"{len(golden.cases)} cases, manifest {golden.sha256[:16]}"
    draw.text((width - MARGIN, MARGIN + 10), about, FAINT, small, anchor="ra")
    top = MARGIN + HEADING
    for kind, cases in groups:
        draw.text((MARGIN, top + 12), HEADINGS[kind], FAINT, head)
        top += HEADING
        for first in range(0, len(cases), COLUMNS):
            for column, case in enumerate(cases[first : first + COLUMNS]):
                left = MARGIN + column * (CELL[0] + GAP)
                place = (left, top, left + CELL[0] - 1, top + CELL[1] - 1)
                draw.rectangle(place, PLACE)
                picture = _small(golden, case)
                if picture is None:
                    middle = (left + CELL[0] // 2, top + CELL[1] // 2)
                    draw.rectangle(place, outline=MISSING)
                    draw.text(middle, "cannot be read", MISSING, small, anchor="mm")
                else:
                    tall, wide = picture.shape[:2]
                    corner = left + (CELL[0] - wide) // 2, top + (CELL[1] - tall) // 2
                    sheet.paste(Image.fromarray(picture), corner)
                below = top + CELL[1] + 4
                draw.text((left, below), _fitting(case.name, name_font), INK, name_font)
                draw.text((left, below + 15), _facts(case), FAINT, small)
            top += CELL[1] + CAPTION + GAP
    return np.asarray(sheet, np.uint8)


def _small(golden: GoldenSet, case: GoldenCase) -> NDArray[np.uint8] | None:
    """A case's picture scaled to its cell, with its true joints; None if it cannot be read."""
    from PIL import Image

    try:
        picture = Image.fromarray(golden.image(case))
    except InvalidImage:
        return None
    scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    large = (size[0] * OVER, size[1] * OVER)
    pixels = np.asarray(picture.resize(large, Image.Resampling.BOX), np.uint8)
    ratio = np.array(large) / (picture.width, picture.height)
    hands = []
    for hand in case.hands:
        depth = np.array(hand.joints_3d)[:, 2:]
        hands.append(DrawnHand(landmarks=np.hstack([np.array(hand.joints_2d) * ratio, depth])))
    drawn = Image.fromarray(draw_hands(pixels, hands))
    return np.asarray(drawn.resize(size, Image.Resampling.BOX), np.uint8)


def _facts(case: GoldenCase) -> str:
    size = f"{case.width} x {case.height}" if case.readable else "no picture"
    return ", ".join([size, *(hand.handedness for hand in case.hands)])


def _fitting(name: str, font: object) -> str:
    """The name, shortened to the width of a cell."""
    from PIL import ImageFont

    assert isinstance(font, ImageFont.FreeTypeFont | ImageFont.ImageFont)
    while font.getlength(name) > CELL[0] and len(name) > 2:
        name = name[:-2].rstrip("…") + "…"
    return name
