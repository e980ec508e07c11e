"""The table of growth, by arithmetic on paper; and one run of one picture."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from blazepalm.errors import ArtifactError
from blazepalm.reports.bench import growth, growth_table
from blazepalm.reports.bench.commands import Run
from blazepalm.reports.bench.growth import measure_growth
from blazepalm.reports.bench.growth_table import BEGIN, END, Growth, markdown, write_into


def test_each_picture_beyond_the_first(tmp_path: Path) -> None:
    """9 s of processor with 101 pictures, 3 s with one: 6 s / 100 pictures are 60 ms each."""
    page, report, raw = 1_500_000, 400_000, 16_000_000
    found = [
        Growth(1, 1, 0, 4.0, 3.0, 250_000_000, page, None, report, raw),
        Growth(101, 1, 0, 10.0, 9.0, 250_000_000, page, 0.25, report, None),
        Growth(101, 2, 0, 7.0, 9.5, 250_000_000, page, 0.25, report, raw),
        Growth(101, 2, 2, 8.0, 1.0, 250_000_000, page, 0.25, report, raw),
    ]
    assert markdown(found).splitlines()[-4:] == [
        "| 1 | 1 process | 4.0 | 3.0 |  | 250 | 1.5 |  | 0.4 | 16 |",
        "| 101 | 1 process | 10.0 | 9.0 | 60 | 250 | 1.5 | 0.2 | 0.4 | not kept |",
        "| 101 | 2 processes | 7.0 | 9.5 |  | 250 | 1.5 | 0.2 | 0.4 | 16 |",
        "| 101 | 2 nodes of Ray | 8.0 |  |  | 250 | 1.5 | 0.2 | 0.4 | 16 |",
    ]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, markdown(found))
    assert page.read_text() == f"before\n{BEGIN}\n{markdown(found)}{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ArtifactError, match="has no lines"):
        write_into(page, "")
    assert page.read_text() == "no marks"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str, str]]:
    """In place of parity: how many pictures it was given, its jobs, its engine."""
    done: list[tuple[int, str, str]] = []

    def run(command: tuple[str, ...], folder: str) -> Run:
        named = dict(pairwise(command))
        pictures = {path.read_bytes() for path in Path(named["--images"]).iterdir()}
        done.append((len(pictures), named["--jobs"], named.get("--engine", "")))
        report = Path(named["-o"])
        (report / "raw" / "palm").mkdir(parents=True)
        if "--no-raw" not in command:
            (report / "raw" / "palm" / "a.npz").write_bytes(bytes(7))
        (report / "parity.html").write_bytes(bytes(5))
        (report / "parity.json").write_bytes(bytes(3))
        assert "--no-cache" in command
        return Run(1.0, 2, 0.5)

    @contextmanager
    def cluster(nodes: int) -> Iterator[tuple[str, ...]]:
        yield ("--engine", f"{nodes} nodes") if nodes else ()

    picture = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    monkeypatch.setattr(growth, "_scene", lambda: picture)
    monkeypatch.setattr(growth, "measure", run)
    monkeypatch.setattr(growth, "_cluster", cluster)
    monkeypatch.setattr(growth, "seconds_to_open", lambda page: 0.25)
    monkeypatch.setattr(growth, "MOST_RAW", 3)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    return done


def test_what_is_run(ran: list[tuple[int, str, str]]) -> None:
    """Every number of pictures in one process, those that several processes share, those that Ray's
    nodes share; distinct pictures, and sizes as they are on the disk.
    """
    found = measure_growth((1, 4), (1, 2), (2,), shared=3)
    assert ran == [(1, "1", ""), (3, "1", ""), (3, "2", ""), (4, "1", ""), (3, "2", "2 nodes")]
    assert found[2] == Growth(3, 2, 0, 1.0, 0.5, 2, 5, 0.25, 3, 7)
    assert found[3] == Growth(4, 1, 0, 1.0, 0.5, 2, 5, 0.25, 3, None)
    assert found[4] == Growth(3, 2, 2, 1.0, 0.5, 2, 5, 0.25, 3, 7)


def test_a_tally_goes_on(
    ran: list[tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = tmp_path / "growth.json"
    first = measure_growth((1,), (), (), tally=tally)
    assert measure_growth((1, 2), (), (), tally=tally)[:1] == first
    assert ran == [(1, "1", ""), (2, "1", "")]
    monkeypatch.setattr(growth_table, "processor_name", lambda: "another")
    with pytest.raises(ArtifactError, match="was measured with palm-lite on .*, not with"):
        measure_growth((1,), (), (), tally=tally)
    tally.write_text("{}")
    with pytest.raises(ArtifactError, match="is no tally of `bench growth`"):
        measure_growth((1,), (), (), tally=tally)


def test_a_page_in_the_browser(tmp_path: Path) -> None:
    """Its script keeps it busy for 0.4 s before it is loaded."""
    page = tmp_path / "page.html"
    script = "const end = performance.now() + 400; while (performance.now() < end);"
    page.write_text(f"<p>here</p><script>{script}</script>")
    seconds = growth.seconds_to_open(page)
    if seconds is None:
        pytest.skip("no Chromium, or no playwright")
    assert seconds > 0.4
