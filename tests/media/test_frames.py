"""Sources found by every kind of name; frames of pictures and videos; damaged videos."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.media.frames import Source, find_sources, natural, read_frames
from support.camera import Camera
from support.clips import write_clip

SIZE = (48, 64)


def picture(path: Path, value: int = 90) -> Path:
    Image.fromarray(np.full((*SIZE, 3), value, np.uint8)).save(path)
    return path


def frames(count: int) -> list[np.ndarray]:
    """Left half red, right half blue, a green that rises by 8 a frame."""
    found = []
    for number in range(count):
        image = np.zeros((*SIZE, 3), np.uint8)
        image[:, :32, 0], image[:, 32:, 2], image[..., 1] = 220, 220, number * 8
        found.append(image)
    return found


def names(*paths: str | Path) -> list[str]:
    return [Path(source.path).name for source in find_sources(paths)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    write_clip(path, frames(12))
    return path


def test_a_folder_in_natural_order_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.PNG", "a.jpg", ".hidden.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "from a phone").write_bytes((tmp_path / "a.jpg").read_bytes())
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    skipped: dict[str, str] = {}
    find_sources([tmp_path], lambda path, sentence: skipped.update({path.name: sentence}))
    assert list(skipped) == ["folder.png", "gone.png", "notes.txt", "pipe.png"]
    for name, sentence in skipped.items():
        assert sentence.startswith(f"{tmp_path / name}: skipped: ") and "\n" not in sentence
    assert names(tmp_path) == ["a.jpg", "b9.PNG", "b10.png", "from a phone"]
    assert names(str(tmp_path)) == names(tmp_path)


def test_natural_order_on_paper() -> None:
    given = ["10", "9", "a2b", "a10b", "A1b", "a"]
    found = sorted((Path(name) for name in given), key=natural)
    assert [p.name for p in found] == ["9", "10", "a", "A1b", "a2b", "a10b"]


def test_patterns_are_expanded(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("f2.png", "f10.png", "g.png", "deep/f1.png"):
        picture(tmp_path / name)
    assert names(f"{tmp_path}/f*.png") == ["f2.png", "f10.png"]
    assert set(names(f"{tmp_path}/**/f*.png")) == {"f1.png", "f2.png", "f10.png"}


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    assert names(picture(tmp_path / "a[1].png")) == ["a[1].png"]


def test_each_file_once_in_the_order_given(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    (tmp_path / "c.png").symlink_to("a.png")
    assert names(tmp_path / "b.png", tmp_path, tmp_path / "b.png") == ["b.png", "a.png"]


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    path = picture(tmp_path / "one.png", 77)
    (source,) = find_sources([path])
    assert source == Source(str(path), "image", 1, None)
    (frame,) = read_frames(source)
    assert (frame.name, frame.source, frame.index, frame.seconds) == ("one", str(path), 0, None)
    assert frame.image.dtype == np.uint8 and (frame.image == 77).all()


def test_a_video_frame_by_frame(clip: Path) -> None:
    (source,) = find_sources([clip])
    assert (source.kind, source.frames, source.fps) == ("video", 12, 10.0)
    found = list(read_frames(source))
    assert [frame.index for frame in found] == list(range(12))
    assert found[3].name == "clip-000003"
    assert [frame.seconds for frame in found] == pytest.approx([i / 10 for i in range(12)])
    for frame, image in zip(found, frames(12), strict=True):
        assert frame.image.shape == (*SIZE, 3) and frame.image.dtype == np.uint8
        # lossy; but red is red, blue is blue, and green rises
        assert np.abs(frame.image.astype(int) - image)[4:-4, 8:24].mean() < 12
        assert np.abs(frame.image.astype(int) - image)[4:-4, 40:56].mean() < 12


def test_a_video_without_a_known_suffix(clip: Path) -> None:
    other = clip.rename(clip.with_suffix(".data"))
    assert find_sources([other])[0].kind == "video"


ONE = 1 << 16  # in the track header's matrix


@pytest.mark.parametrize(
    ("turned", "matrix"),
    [(-1, (0, ONE, -ONE, 0)), (2, (-ONE, 0, 0, -ONE)), (1, (0, -ONE, ONE, 0))],
)
def test_rotation_is_heeded(clip: Path, turned: int, matrix: tuple[int, ...]) -> None:
    """The track header's matrix rotates the frames (ISO 14496-12, 8.3.2): clockwise, upside down,
    back.
    """
    upright = next(read_frames(find_sources([clip])[0])).image
    content = bytearray(clip.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    assert struct.unpack_from(">9i", content, at)[0] == ONE  # upright until now
    across, down, left, up = matrix
    struct.pack_into(">9i", content, at, across, down, 0, left, up, 0, 0, 0, 1 << 30)
    clip.write_bytes(content)
    (source,) = find_sources([clip])
    np.testing.assert_array_equal(next(read_frames(source)).image, np.rot90(upright, turned))


# red, green and blue in Y', then in Cb and Cr (Rec. ITU-R BT.601, BT.709), from the weights of red
# and blue in Y'
WEIGHTS = {6: (0.299, 0.114), 1: (0.2126, 0.0722)}  # by their number in ISO 23091-2


def to_ycc(matrix: int) -> np.ndarray:
    red, blue = WEIGHTS[matrix]
    luma = np.array((red, 1 - red - blue, blue))
    cb = (np.array((0, 0, 1)) - luma) / (2 * (1 - blue)) * 224
    cr = (np.array((1, 0, 0)) - luma) / (2 * (1 - red)) * 224
    return np.array((luma * 219, cb, cr)) / 255


@pytest.mark.parametrize("matrix", WEIGHTS)
def test_the_colour_matrix_is_opencvs(tmp_path: Path, matrix: int) -> None:
    """OpenCV 5, which MediaPipe 1 installs, uses the file's colour matrix; OpenCV 4 always uses
    BT.601.
    """
    import cv2

    path, colour = tmp_path / "clip.mp4", np.array((200, 40, 40))
    write_clip(path, [np.full((*SIZE, 3), colour, np.uint8)] * 2)  # as BT.601, and without a word
    path.write_bytes(with_colour_matrix(path.read_bytes(), matrix))
    heeded = matrix if int(cv2.__version__.split(".")[0]) >= 5 else 6
    expected = np.clip(np.linalg.solve(to_ycc(heeded), to_ycc(6) @ colour), 0, 255)
    if heeded == 1:
        assert np.abs(expected - colour).max() > 10  # otherwise this shows nothing
    found = next(read_frames(find_sources([path])[0])).image
    assert np.abs(found - expected).max() <= 4  # Y', Cb and Cr are whole numbers, and MPEG-4 lossy


def with_colour_matrix(content: bytes, matrix: int) -> bytes:
    """An MP4 file with a `colr` box (ISO 14496-12, 12.1.5) in its only track's sample entry."""
    changed, entry = bytearray(content), content.index(b"mp4v") - 4
    box = struct.pack(">I4s4s3HB", 19, b"colr", b"nclx", matrix, matrix, matrix, 0)
    end = entry + struct.unpack_from(">I", content, entry)[0]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4v"):
        at = content.index(name) - 4
        struct.pack_into(">I", changed, at, struct.unpack_from(">I", content, at)[0] + len(box))
    assert content.index(b"mdat") < entry  # otherwise the frames would move
    return bytes(changed[:end]) + box + bytes(changed[end:])


def test_a_video_cut_short_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    write_clip(path, frames(30), codec="MJPG")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10])
    (source,) = find_sources([path])
    found: list[int] = []
    with pytest.raises(InvalidImage, match="is truncated or damaged") as caught:
        found.extend(frame.index for frame in read_frames(source))
    assert 0 < len(found) < 29 and found == list(range(len(found)))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/hostname\n"


@pytest.mark.parametrize("content", [b"", b"no video", PLAYLIST, b"\0\0\0\x20ftypisom" + bytes(90)])
def test_what_is_no_video_is_one_sentence(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    (source,) = find_sources([path])  # found by its name; the others would be read
    assert (source.kind, source.frames, source.fps) == ("video", None, None)
    with pytest.raises(InvalidImage) as caught:
        list(read_frames(source))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


def test_cameras_are_named_not_opened() -> None:
    assert find_sources(["camera"]) == [Source("camera:0", "camera", None, None)]
    assert find_sources(["camera:2"])[0].name == "camera-2"


def test_a_camera_that_is_not_there() -> None:
    if os.path.exists("/dev/video987"):
        pytest.skip("this machine has a thousand cameras")
    with pytest.raises(InvalidImage, match="camera:987: no such camera"):
        next(read_frames(Source("camera:987", "camera", None, None)))


def before_camera(monkeypatch: pytest.MonkeyPatch, count: int | None) -> Camera:
    shown = frames(8)
    return Camera(lambda number: shown[number % 8], count).install(monkeypatch)


def test_a_camera_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = before_camera(monkeypatch, 3)
    (source,) = find_sources(["camera:7"])
    assert camera.opened == []
    found = list(read_frames(source))
    assert camera.opened == [7] and camera.released == 1
    assert [frame.name for frame in found] == [f"camera-7-00000{i}" for i in range(3)]
    assert [frame.index for frame in found] == [0, 1, 2]
    assert {(frame.source, frame.seconds) for frame in found} == {("camera:7", None)}
    for frame, image in zip(found, frames(3), strict=True):
        np.testing.assert_array_equal(frame.image, image)  # red is red again
        assert frame.image.dtype == np.uint8


def test_a_camera_is_released_wherever_reading_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = before_camera(monkeypatch, None)
    reading = read_frames(Source("camera:0", "camera", None, None))
    next(reading)
    next(reading)
    assert camera.released == 0
    reading.close()  # type: ignore[attr-defined]
    assert camera.given == 2 and camera.released == 1

    def unplug(number: int) -> None:
        if number == 1:
            raise KeyboardInterrupt

    camera = before_camera(monkeypatch, None)
    camera.before = unplug
    reading = read_frames(Source("camera:0", "camera", None, None))
    next(reading)
    with pytest.raises(KeyboardInterrupt):
        next(reading)
    assert camera.released == 1


def test_a_camera_that_gives_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = before_camera(monkeypatch, 0)
    with pytest.raises(InvalidImage, match=r"^camera:0: .*none of its frames"):
        list(read_frames(Source("camera:0", "camera", None, None)))
    assert camera.released == 1


def test_frames_that_are_no_rgb_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = before_camera(monkeypatch, None)
    camera.frame = lambda number: np.zeros((4, 6, 2), np.uint8)
    with pytest.raises(InvalidImage, match=r"camera:0: has frames of uint8 \(4, 6, 2\)"):
        list(read_frames(Source("camera:0", "camera", None, None)))
    assert camera.released == 1


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="no such file"):
        find_sources([tmp_path / "none.png"])
    with pytest.raises(InvalidImage, match="contains no pictures or videos"):
        find_sources([tmp_path])
    with pytest.raises(InvalidImage, match="no file matches"):
        find_sources([f"{tmp_path}/*.png"])
    with pytest.raises(InvalidImage, match="was named"):
        find_sources([])
