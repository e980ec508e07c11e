"""Writes small pictures of the cases beside a report (`images/<case>.jpg`), for the HTML page."""

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from numpy.typing import NDArray

from blazepalm.atomic import atomic_folder
from blazepalm.cache_file import CacheFile, code_sha256, key_of, versions
from blazepalm.file_names import file_name
from blazepalm.reports.cases.inputs import NOISE, Case
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
    kept: CacheFile | None = None,
) -> ParityReport:
    """Writes a picture for each case of the report that has one in `cases`, replaces the files in
    `before` (an older report's), and returns the report with their paths. `on_made` is called with
    these before they are put in place. `kept`: small pictures of earlier runs; `cases` are not read
    if it has all. Raises ArtifactError.
    """
    images: dict[str, str] = {}
    replaced = [image.removeprefix(f"{FOLDER}/") for image in before]
    with atomic_folder(folder / FOLDER, owned=lambda _: replaced, force=True) as made:
        for case, content in _thumbnails(report, cases, kept):
            name = f"{file_name(case)}.jpg"
            (made / name).write_bytes(content)
            images[case] = f"{FOLDER}/{name}"
        on_made(images.values())
    found = (replace(case, image=images.get(case.name)) for case in report.cases)
    return replace(report, cases=tuple(found))


def _thumbnails(
    report: ParityReport, cases: Iterable[Case], kept: CacheFile | None
) -> Iterator[tuple[str, bytes]]:
    """Names of cases, each with the bytes of its small picture."""
    missing = {case.name: case.sha256 for case in report.cases if case.kind != NOISE}
    for name, pixels in list(missing.items()) if kept is not None else ():
        assert kept is not None
        if (content := kept.get(_key(pixels))) is not None:
            del missing[name]
            yield name, content
    for case in cases if missing else ():
        if case.image is None or case.name not in missing:
            continue
        content = _jpeg(case.image)
        if kept is not None:
            kept.put(_key(case.sha256), content)
        yield case.name, content


def _key(pixels: str) -> str:
    """The key of the small picture of a case, by the SHA-256 of its pixels."""
    code = code_sha256("reports/render/thumbnails.py")
    return key_of({"pixels": pixels, "code": code, "versions": versions("pillow")})


def _jpeg(image: NDArray[Any]) -> bytes:
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    packed = io.BytesIO()  # Pillow ignores a short write to a file
    picture.save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()
