"""The table of growth, by arithmetic on paper; and one run of one picture."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from blazepalm.errors import ArtifactError
from blazepalm.reports.bench import growth
from blazepalm.reports.bench.commands import Run
from blazepalm.reports.bench.growth import BEGIN, END, Growth, markdown, measure_growth, write_into


def test_each_picture_beyond_the_first(tmp_path: Path) -> None:
    """10 s with 101 pictures, 4 s with one: 6 s / 100 pictures are 60 ms each."""
    sizes = (250_000_000, 1_500_000, 400_000, 16_000_000)
    found = [Growth(1, 1, 4.0, *sizes), Growth(101, 1, 10.0, *sizes), Growth(101, 2, 7.0, *sizes)]
    rows = markdown(found).splitlines()[-3:]
    assert rows == [
        "| 1 | 1 | 4.0 |  | 250 | 1.5 | 0.4 | 16 |",
        "| 101 | 1 | 10.0 | 60 | 250 | 1.5 | 0.4 | 16 |",
        "| 101 | 2 | 7.0 |  | 250 | 1.5 | 0.4 | 16 |",
    ]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, markdown(found))
    assert page.read_text() == f"before\n{BEGIN}\n{markdown(found)}{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ArtifactError, match="has no lines"):
        write_into(page, "")
    assert page.read_text() == "no marks"


def test_what_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of pictures in one process, then those that several share; distinct pictures,
    and sizes as they are on the disk.
    """
    ran: list[tuple[int, str]] = []

    def run(command: tuple[str, ...], folder: str) -> Run:
        named = dict(pairwise(command))
        pictures = {path.read_bytes() for path in Path(named["--images"]).iterdir()}
        ran.append((len(pictures), named["--jobs"]))
        report = Path(named["-o"])
        (report / "raw" / "palm").mkdir(parents=True)
        (report / "raw" / "palm" / "a.npz").write_bytes(bytes(7))
        (report / "parity.html").write_bytes(bytes(5))
        (report / "parity.json").write_bytes(bytes(3))
        assert "--no-cache" in command
        return Run(1.0, 2)

    picture = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    monkeypatch.setattr(growth, "_scene", lambda: picture)
    monkeypatch.setattr(growth, "measure", run)
    found = measure_growth((1, 3), (1, 2), shared=3)
    assert ran == [(1, "1"), (3, "1"), (3, "2")]
    assert found[2] == Growth(3, 2, 1.0, 2, 5, 3, 7)
