"""Writes small pictures of the cases beside a report (`images/<case>.jpg`), for the HTML page."""

import io
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from msgspec.structs import replace

from blazepalm.atomic import atomic_folder
from blazepalm.file_names import file_name
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.judge.report import ParityReport

FOLDER = "images"
LONGEST = 640  # pixels of the longer side
QUALITY = 82


def write_thumbnails(
    report: ParityReport,
    cases: Iterable[Case],
    folder: Path,
    before: Collection[str],
    on_made: Callable[[Collection[str]], None] = lambda names: None,
) -> ParityReport:
    """Writes a picture for each case of the report that has one in `cases`, replaces the files in
    `before` (an older report's), and returns the report with their paths. `on_made` is called with
    these before they are put in place. Raises ArtifactError.
    """
    from PIL import Image

    listed = {case.name for case in report.cases}
    images: dict[str, str] = {}
    replaced = [image.removeprefix(f"{FOLDER}/") for image in before]
    with atomic_folder(folder / FOLDER, owned=lambda _: replaced, force=True) as made:
        for case in cases:
            if case.image is None or case.name not in listed:
                continue
            picture = Image.fromarray(case.image)
            picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            name = f"{file_name(case.name)}.jpg"
            packed = io.BytesIO()  # Pillow ignores a short write to a file
            picture.save(packed, "JPEG", quality=QUALITY)
            (made / name).write_bytes(packed.getvalue())
            images[case.name] = f"{FOLDER}/{name}"
        on_made(images.values())
    found = (replace(case, image=images.get(case.name)) for case in report.cases)
    return replace(report, cases=tuple(found))
