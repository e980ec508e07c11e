"""A golden folder on one sheet: every picture small, its name, and its true joints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.manifest import GoldenCase, GoldenSet
from blazepalm.golden.skeleton import BONES
from blazepalm.models.errors import InvalidImage

CELL = (176, 132)  # width, height of a picture's place
CAPTION = 18
COLUMNS = 8
PAPER, INK, MISSING = (250, 250, 248), (40, 44, 52), (150, 60, 50)
FINGERS = ((214, 92, 64), (222, 160, 46), (84, 160, 84), (58, 132, 190), (142, 96, 178))


def contact_sheet(golden: GoldenSet) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB. A file that cannot be read has its place, and says so."""
    from PIL import Image, ImageDraw

    lines = -(-len(golden.cases) // COLUMNS)
    size = (COLUMNS * (CELL[0] + 8) + 8, lines * (CELL[1] + CAPTION + 8) + 8)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, case in enumerate(golden.cases):
        left = 8 + number % COLUMNS * (CELL[0] + 8)
        top = 8 + number // COLUMNS * (CELL[1] + CAPTION + 8)
        try:
            picture = _small(golden, case)
            sheet.paste(
                picture,
                (left + (CELL[0] - picture.width) // 2, top + (CELL[1] - picture.height) // 2),
            )
        except InvalidImage:
            draw.rectangle((left, top, left + CELL[0], top + CELL[1]), outline=MISSING)
            draw.text((left + 10, top + CELL[1] // 2 - 6), "no picture", fill=MISSING)
        draw.text((left, top + CELL[1] + 3), case.name, fill=INK)
    return np.asarray(sheet)


def _small(golden: GoldenSet, case: GoldenCase) -> Any:
    """A case's picture in its place, drawn on at twice the size."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(golden.image(case))
    scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
    wanted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    large = picture.resize((wanted[0] * 2, wanted[1] * 2), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(large)
    for hand in case.hands:
        points = [(x * scale * 2, y * scale * 2) for x, y in hand.joints_2d]
        for parent, child in BONES:
            draw.line((points[parent], points[child]), fill=FINGERS[(child - 1) // 4], width=3)
        for x, y in points:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(255, 255, 255), outline=(30, 30, 30))
    return large.resize(wanted, Image.Resampling.LANCZOS)
