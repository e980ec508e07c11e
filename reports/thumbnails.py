"""The cases' pictures, small, beside a report: `images/<case>.jpg`, for pages that show them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blazepalm.models.errors import ArtifactError
from blazepalm.reports.cases import Case
from blazepalm.reports.names import file_name

FOLDER = "images"
LONGEST = 640  # pixels of the longer side
QUALITY = 82


def write_thumbnails(values: dict[str, Any], cases: Iterable[Case], folder: Path) -> None:
    """Writes a picture for each case of the report `values` that `cases` has one for, and names
    it there. Raises ArtifactError.
    """
    from PIL import Image

    listed = {case["name"]: case for case in values["cases"]}
    try:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        for case in cases:
            if case.image is None or case.name not in listed:
                continue
            picture = Image.fromarray(case.image)
            picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            path = f"{FOLDER}/{file_name(case.name)}.jpg"
            picture.save(folder / path, "JPEG", quality=QUALITY)
            listed[case.name]["image"] = path
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written: {error.strerror or error}") from error
