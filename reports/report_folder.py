"""Writes a parity run's reports into a folder, and finds which files there such a run wrote, so
that a later one may replace them.

A folder of other files is written into only with `force`; they stay as they are. A file with the
name of a report's file is not replaced even then, unless a report or an interrupted run in the
folder shows that parity wrote it.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from blazepalm.atomic import (
    atomic_file,
    check_alone,
    check_into,
    claim,
    foreign,
    recover,
    told,
    walk,
)
from blazepalm.errors import ArtifactError, InUse
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.engine.journal import (
    JOURNAL,
    PLAN,
    check_journal,
    note_pictures,
    noted_pictures,
    remove_journal,
)
from blazepalm.reports.judge.local_paths import without_local_paths
from blazepalm.reports.judge.report import FORMAT, ParityReport, as_stored
from blazepalm.reports.render.thumbnails import FOLDER as IMAGES
from blazepalm.reports.render.thumbnails import write_thumbnails
from blazepalm.reports.stored.read import REPORT_FILE, read_json

PAGE = "parity.html"
TEXTS = (REPORT_FILE, PAGE, "junit.xml", "parity.md")
RAW, EXPLORER = "raw", "explorer"
NAMED = re.compile(r"raw/[^/]+/[^/]+\.safetensors|explorer/[^/]+\.json")


def owned_files(folder: Path) -> tuple[str, ...]:
    """The files and folders that parity runs wrote; empty if there was no run."""
    images = owned_images(folder)
    if images is None and not os.path.isfile(folder / JOURNAL / PLAN):
        return ()
    found = list(walk(folder, (RAW, EXPLORER)))
    named = [path for path, is_folder in found if is_folder or NAMED.fullmatch(path)]
    named += noted_pictures(folder / JOURNAL)
    return (*named, IMAGES, *(() if images is None else (*TEXTS, *images)))


def owned_images(folder: Path) -> tuple[str, ...] | None:
    """The pictures that the report in a folder names; None without a report."""
    try:
        values = read_json(folder / REPORT_FILE)
    except ArtifactError:
        return None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        return None
    cases = values.get("cases")
    images = [case.get("image") for case in cases or () if isinstance(case, dict)]
    return tuple(image for image in images if isinstance(image, str))


def check_report(folder: Path, force: bool) -> None:
    """Raises ArtifactError, before the work, if a report cannot be written to a folder, would
    replace something that parity did not write, or, without `force`, if the folder holds other
    files and no report.
    """
    check_into(folder, folder)
    recover(folder / JOURNAL)
    if not os.path.isdir(folder):
        return
    owned = owned_files(folder)
    with told(folder):
        other = foreign(folder, owned, top=(*TEXTS, IMAGES, RAW, EXPLORER))
    if other is not None:
        raise ArtifactError(
            f"{folder}: holds {other!r}, which no parity run wrote; move it away or choose "
            "another -o"
        )
    check_journal(folder / JOURNAL)
    if not owned:
        check_alone(folder, (JOURNAL,), force)


@contextmanager
def writing(folder: Path, force: bool) -> Iterator[None]:
    """Keeps other parity runs out of a folder, from the check to the last file. Raises
    ArtifactError as `check_report` does, and if another run is writing there.
    """
    with ExitStack() as stack:
        try:
            check_report(folder, force)
            stack.enter_context(claim(folder / JOURNAL))
        except InUse as error:
            raise InUse(
                f"{folder}: another process is writing it; wait for its end, or choose another -o"
            ) from error
        yield


def remove_outputs(folder: Path, owned: Iterable[str]) -> None:
    """Removes those raw outputs and layers' files among `owned` (from `owned_files`), so that they
    do not mix with a new run's.
    """
    found = [path for path in owned if NAMED.fullmatch(path)]
    with told(folder):
        for path in found:
            (folder / path).unlink(missing_ok=True)
        for path in sorted({str(Path(path).parent) for path in found} | {RAW}, reverse=True):
            with suppress(OSError):  # it is not there, or holds something else
                (folder / path).rmdir()


def save_report(
    report: ParityReport, folder: Path, cases: Iterable[Case] = (), *, cache: bool = False
) -> list[Path]:
    """Writes `parity.json`, `parity.html`, `junit.xml`, `parity.md` and layer data for Model
    Explorer, with small pictures of those `cases` that the report lists, and without the folders
    of this machine. `cache`: whether the small pictures are kept across runs. Returns the paths.
    Raises ArtifactError if the folder cannot be written.
    """
    journal = folder / JOURNAL  # it shows, until the end, whose files these are
    report = as_stored(without_local_paths(report))
    before = (*(owned_images(folder) or ()), *noted_pictures(journal))
    kept = None
    if cache:
        from blazepalm.golden.make import open_pictures

        kept = open_pictures()
    report = write_thumbnails(report, cases, folder, before, partial(note_pictures, journal), kept)
    written = write_reports(report, folder)
    remove_journal(journal)
    return written


def write_reports(report: ParityReport, folder: Path) -> list[Path]:
    """Writes the report and everything rendered from it, each file whole or not at all, replacing
    older ones; returns the paths.
    """
    from blazepalm.reports.render import model_explorer
    from blazepalm.reports.render.html import write_html
    from blazepalm.reports.render.junit import junit
    from blazepalm.reports.render.markdown import markdown

    stored = json.dumps(report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    texts = {
        REPORT_FILE: stored + "\n",
        "junit.xml": junit(report),
        "parity.md": markdown(report),
    }
    for name, data in model_explorer.node_data(report).items():
        texts[f"explorer/{name}"] = model_explorer.dumps(data)
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            # a hostile name may hold a lone surrogate, which UTF-8 cannot encode
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    write_html(report, folder / PAGE, folder)
    return [folder / PAGE, *(folder / name for name in texts)]
