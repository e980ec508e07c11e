"""Decoding in another process: the same pixels, and a sentence where that process ends."""

import os
import platform
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.child import ChildLimits
from blazepalm.errors import InvalidImage
from blazepalm.media import cage, captures
from blazepalm.media.frames import find_sources, read_frames
from blazepalm.media.images import read_image
from support.clips import write_clip

RANDOM = np.random.default_rng(0)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process on Windows")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(RANDOM.integers(0, 255, (48, 64, 3), np.uint8)).save(tmp_path / "p.png")
    return tmp_path / "p.png"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mp4", RANDOM.integers(0, 255, (6, 32, 48, 3), np.uint8))
    return tmp_path / "clip.mp4"


def decoder() -> int:
    """The decoding process's id."""
    return cage._started()._process.pid


def test_the_same_pixels_and_times(picture: Path, clip: Path) -> None:
    assert (cage.read_picture(picture) == read_image(picture)).all()
    header = captures.video_header(str(clip))
    assert header == (6, 10.0) == cage.read_header(clip)
    here, there = (
        list(each(str(clip), *header)) for each in (captures.read_video, cage.read_video)
    )
    assert len(here) == 6 and [seconds for seconds, _ in here] == [seconds for seconds, _ in there]
    assert all((a == b).all() for (_, a), (_, b) in zip(here, there, strict=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory")
def test_a_picture_costs_few_page_faults_and_turns(tmp_path: Path) -> None:
    """Its memory is the last one's, and the pipe holds its 225 pages of pixels at once. Otherwise
    the pixels alone would cost 225 faults, and a pipe of 64 KiB 14 turns: half is the limit.
    """
    Image.new("RGB", (640, 480)).save(tmp_path / "p.bmp")
    costs = []
    for _ in range(12):
        cage.read_picture(tmp_path / "p.bmp")
        costs.append(faults_and_turns(decoder()))
    faults, turns = np.median(np.diff(np.array(costs[2:]), axis=0), axis=0)
    assert faults < 225 / 2 and turns <= 14 / 2


def faults_and_turns(process: int) -> tuple[int, int]:
    """Page faults of a process so far, and how often it waited for another."""
    folder = Path("/proc") / str(process)
    faults = (folder / "stat").read_text().rpartition(")")[2].split()[7]
    lines = (folder / "status").read_text().splitlines()
    (turns,) = (line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches"))
    return int(faults), int(turns)


def test_two_videos_at_once_and_one_given_up(clip: Path) -> None:
    (source,) = find_sources(clip)
    one, two = read_frames(source), read_frames(source)
    first = next(one).image
    assert (next(two).image == first).all()
    one.close()
    assert [frame.index for frame in two] == [1, 2, 3, 4, 5]


def test_a_relative_path_after_a_change_of_folder(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cage.read_picture(picture)
    monkeypatch.chdir(picture.parent)
    assert cage.read_picture(picture.name).shape == (48, 64, 3)
    with pytest.raises(InvalidImage, match=r"^q\.png: no such file$"):
        cage.read_picture("q.png")


def test_a_file_that_ends_the_process(picture: Path, clip: Path) -> None:
    """It costs one source; the next one has a new process."""
    (source,) = find_sources(clip)
    frames = read_frames(source)
    next(frames)
    ended = decoder()
    os.kill(ended, signal.SIGSEGV)
    with pytest.raises(InvalidImage, match=r"clip\.mp4: cannot be decoded: .*killed by SIGSEGV$"):
        list(frames)
    assert cage.read_picture(picture).shape == (48, 64, 3)
    assert decoder() != ended


@pytest.mark.parametrize(
    ("limits", "size", "said"),
    [
        (ChildLimits(call=0.0001), (4000, 4000), "did not answer within its time"),
        (ChildLimits(memory=0.25), (10_000, 6_000), "needs more memory than it may"),
    ],
)
def test_limits(
    limits: ChildLimits, size: tuple[int, int], said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = tmp_path / "large.png"
    Image.new("L", size).save(path, compress_level=1)
    monkeypatch.setattr(cage, "LIMITS", limits)
    monkeypatch.setattr(cage, "_child", None)
    with pytest.raises(InvalidImage, match=rf"large\.png: cannot be decoded: .*{said}"):
        cage.read_picture(path)
