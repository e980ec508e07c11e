"""Small pictures are made once of the same pixels."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from blazepalm.cache_file import CacheFile
from blazepalm.reports.cases.inputs import Case, noise_cases
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.render import thumbnails
from blazepalm.reports.render.thumbnails import FOLDER, write_thumbnails
from support.report_samples import passing, typed

PIXELS = np.random.default_rng(5).integers(0, 256, (40, 50, 3), np.uint8)


@cache
def sample() -> ParityReport:
    return typed(passing())


def reported(cases: list[Case]) -> ParityReport:
    """A report that lists these cases."""
    report = sample()
    listed = [replace(report.cases[0], name=c.name, kind=c.kind, sha256=c.sha256) for c in cases]
    return replace(report, cases=tuple(listed))


def test_pictures_are_read_only_if_one_of_them_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "LONGEST", 20)
    made: list[int] = []
    jpeg = thumbnails._jpeg
    monkeypatch.setattr(
        thumbnails, "_jpeg", lambda image: made.append(int(image[0, 0, 0])) or jpeg(image)
    )
    read: list[str] = []
    kept = CacheFile(tmp_path / "pictures.sqlite", 1 << 20)

    def write(cases: list[Case], place: str, file: CacheFile | None) -> dict[str, bytes]:
        def reading() -> Iterator[Case]:
            for case in cases:
                read.append(case.name)
                yield case

        report = write_thumbnails(reported(cases), reading(), tmp_path / place, (), kept=file)
        names = [case.name for case in cases if case.image is not None]
        assert [case.image for case in report.cases] == [
            f"{FOLDER}/{case.name}.jpg" if case.name in names else None for case in cases
        ]
        return {name: (tmp_path / place / FOLDER / f"{name}.jpg").read_bytes() for name in names}

    cases = [Case("a", "hand", PIXELS), Case("b", "own", PIXELS[:, ::-1]), *noise_cases(1, 7)]
    whole = write(cases, "whole", None)
    assert write(cases, "first", kept) == whole and len(made) == 4
    del read[:]
    assert write(cases, "again", kept) == whole and len(made) == 4 and not read
    changed = PIXELS.copy()
    changed[0, 0, 0] ^= 1
    others = [Case("a", "hand", changed), *cases[1:]]
    assert write(others, "other", kept) == write(others, "other-whole", None)
    assert made[4:] == [changed[0, 0, 0], changed[0, 0, 0], PIXELS[0, -1, 0]]
