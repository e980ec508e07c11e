"""Bundles: a ZIP of models, honest or not."""

import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from blazepalm.converter.tflite import archive, bundle, read, read_all, read_bytes, read_members
from blazepalm.errors import InvalidModel
from support.models import shared_file, shared_model
from support.tflite_builder import ModelBuilder, schema


def model(width: int = 2) -> bytes:
    builder = ModelBuilder(f"model of {width}")
    image, out = builder.tensor((1, width)), builder.tensor((1, width))
    two = builder.tensor((1, width), data=np.full((1, width), 2.0))
    builder.operator("MUL", [image, two], [out], schema.MulOptionsT())
    return builder.build([image], [out])


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A bundle as MediaPipe ships it: stored, with a note that is not a model."""
    path = tmp_path / "hands.task"
    members = {
        "hand_detector.tflite": model(2),
        "notes.txt": b"not a model",
        "hand_landmarks_detector.tflite": model(3),
    }
    path.write_bytes(zipped(members, zipfile.ZIP_STORED))
    return path


def refusal(path: Path | str) -> str:
    """The one sentence that refuses `path`, at every entry point."""
    messages = set()
    for reader in (read, read_all):
        with pytest.raises(InvalidModel) as caught:
            reader(path)
        messages.add(str(caught.value))
    (message,) = messages
    assert "\n" not in message
    assert str(path).partition(":")[0] in message
    return message


def test_every_model_of_a_bundle_is_read(task: Path) -> None:
    graphs = read_all(task)
    assert [g.source for g in graphs] == [
        f"{task}:hand_detector.tflite",
        f"{task}:hand_landmarks_detector.tflite",
    ]
    assert [g.description for g in graphs] == ["model of 2", "model of 3"]
    for graph, content in zip(graphs, (model(2), model(3)), strict=True):
        alone = read_bytes(content, "alone")
        assert (graph.sha256, graph.size) == (alone.sha256, len(content))
        assert graph.operators == alone.operators


def test_a_bundle_is_told_by_its_content(task: Path) -> None:
    disguised = task.with_suffix(".tflite")
    disguised.write_bytes(task.read_bytes())
    assert len(read_all(disguised)) == 2
    plain = task.with_name("plain.zip")
    plain.write_bytes(model())
    assert read(plain).source == str(plain)


def test_real_models_in_a_bundle(tmp_path: Path) -> None:
    """The layout of hand_landmarker.task, with the two releases in it."""
    contents = {
        "hand_detector.tflite": shared_model("palm-full-2023-09").read_bytes(),
        "hand_landmarks_detector.tflite": shared_model("hand-full-2022").read_bytes(),
    }
    path = tmp_path / "hand_landmarker.task"
    path.write_bytes(zipped(contents, zipfile.ZIP_STORED))
    palm, hand = read_all(path)
    assert palm.sha256.startswith("1b14e942")
    assert hand.sha256.startswith("11c272b8")
    assert palm.tensors == read(shared_model("palm-full-2023-09")).tensors


def test_one_of_several_is_named(task: Path) -> None:
    with pytest.raises(InvalidModel) as caught:
        read(task)
    message = str(caught.value)
    assert "holds 2 models; name one of them" in message
    for name, width in (("hand_detector", 2), ("hand_landmarks_detector", 3)):
        choice = f"{task}:{name}.tflite"
        assert choice in message  # what the message shows is what works
        assert read(choice).description == f"model of {width}"
        assert [g.source for g in read_all(choice)] == [choice]
    with pytest.raises(InvalidModel, match=r"no member other.tflite; there are .*hand_detector"):
        read(f"{task}:other.tflite")


def test_a_bundle_of_one_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    path.write_bytes(zipped({"deep/inside/m.TFLITE": model(4)}))
    assert read(path).source == f"{path}:deep/inside/m.TFLITE"


def test_a_bundle_in_a_bundle(tmp_path: Path) -> None:
    """Like hand_landmarker.task in gesture_recognizer.task; a member is named by its path."""
    path = tmp_path / "gesture.task"
    inner = zipped({"m.tflite": model(5), "deeper.task": zipped({"n.tflite": model(6)})})
    path.write_bytes(zipped({"hands.task": inner, "top.tflite": model(7)}))
    assert [g.source for g in read_all(path)] == [
        f"{path}:hands.task:m.tflite",
        f"{path}:hands.task:deeper.task:n.tflite",
        f"{path}:top.tflite",
    ]
    assert read(f"{path}:hands.task:m.tflite").description == "model of 5"
    assert read(f"{path}:hands.task:deeper.task:n.tflite").description == "model of 6"
    assert [g.description for g in read_all(f"{path}:hands.task")] == ["model of 5", "model of 6"]
    assert read(f"{path}:hands.task:deeper.task").description == "model of 6"
    with pytest.raises(InvalidModel, match=r"no member hands.tas; there are .*top.tflite"):
        read_all(f"{path}:hands.tas")


# Aligned archives -------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
@pytest.mark.parametrize("inner", [0, 1, 2, 3])
def test_zero_bytes_before_an_archive(tmp_path: Path, zeros: int, inner: int) -> None:
    """Every official bundle begins with one to three, and so do the bundles inside. Offsets in the
    directory count from the first `PK`, as zipfile and every other reader accept.
    """
    hands = bytes(inner) + zipped({"m.tflite": model(5)}, zipfile.ZIP_STORED)
    path = tmp_path / "b.task"
    path.write_bytes(bytes(zeros) + zipped({"hands.task": hands, "n.tflite": model(6)}))
    assert zipfile.is_zipfile(path)
    assert [g.description for g in read_all(path)] == ["model of 5", "model of 6"]


def test_an_official_bundle() -> None:
    path = shared_file("official_hand_gesture_recognizer_prefix3_1b47ac4a.task")
    assert path.read_bytes()[:5] == b"\0\0\0PK"
    with zipfile.ZipFile(path) as archive:  # the witness
        expected = {
            f"{path}:{name}": hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
        }
    assert len(expected) == 2
    assert {g.source: g.sha256 for g in read_all(path)} == expected


def test_a_comment_and_bytes_before(tmp_path: Path) -> None:
    """The record at the end decides, wherever it is in the last 64 kB."""
    stream = io.BytesIO(b"#!/bin/sh: what unpacks itself\n")
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("m.tflite", model(5))
        archive.comment = b"PK\x05" * 1000
    path = tmp_path / "b.task"
    path.write_bytes(stream.getvalue())
    assert read(path).description == "model of 5"


def test_a_model_with_a_zip_behind_it_is_a_model(tmp_path: Path) -> None:
    """MediaPipe puts its label files there, so the end record alone does not make a bundle."""
    labels = zipped({"labels.txt": b"palm", "inner.tflite": model(9)})
    content = model(4) + bytes(2) + labels
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    assert zipfile.is_zipfile(path)
    assert read(path).source == str(path)
    assert read(path).description == "model of 4"
    (tmp_path / "b.task").write_bytes(zipped({"m.tflite": content}))
    assert [g.source for g in read_all(tmp_path / "b.task")] == [f"{tmp_path}/b.task:m.tflite"]


def test_an_end_record_without_a_directory_is_no_bundle(tmp_path: Path) -> None:
    """Its signature may occur in any file by chance."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"some other thing " * 9 + b"PK\x05\x06" + bytes(range(60)))
    assert "not a TFLite model: bytes 4 to 8" in refusal(path)


# Members that are no models, or damaged ones ----------------------------------------------


def test_others_are_told(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    inner = zipped({"labels.txt": b"palm", "m.tflite": model(5)})
    members = {"notes.txt": b"not a model", "inner.task": inner, "not.task": b"not a ZIP"}
    path.write_bytes(zipped({**members, "folder/": b""}))
    contents = bundle.open_contents(path)
    assert [source for source, _ in contents.models] == [f"{path}:inner.task:m.tflite"]
    assert contents.others == ("notes.txt", "inner.task:labels.txt", "not.task")
    assert bundle.left_out(contents) == (
        f"{path}: skipped members that are not models: notes.txt, inner.task:labels.txt, not.task"
    )
    assert bundle.open_contents(f"{path}:inner.task").others == ("inner.task:labels.txt",)
    with pytest.raises(InvalidModel, match="the member notes.txt is not a model"):
        read(f"{path}:notes.txt")


def test_a_model_of_another_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({"model.bin": model(5)}))
    assert read(path).source == f"{path}:model.bin"


def damaged(members: Mapping[str, bytes], name: str) -> bytes:
    """A bundle with one byte of one stored member changed, so that its CRC does not hold."""
    content = bytearray(zipped(members, zipfile.ZIP_STORED))
    at = content.index(members[name])
    content[at + len(members[name]) // 2] ^= 1
    return bytes(content)


def test_a_damaged_member_keeps_no_other(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    members = {"a.tflite": model(5), "b.tflite": model(6), "text.tflite": b"no model " * 9}
    broken = zipped({"c.tflite": model(7)})[:-9]
    path.write_bytes(damaged({**members, "broken.task": broken, "d.tflite": model(8)}, "b.tflite"))
    found = read_members(path)
    assert [g.description for g in found.graphs] == ["model of 5", "model of 8"]
    failures = [str(failure) for failure in found.failures]
    assert len(failures) == 3
    assert failures[0].startswith(f"{path}:b.tflite: this member is damaged (Bad CRC-32")
    assert failures[1].startswith(f"{path}:broken.task: the bundle is truncated (no end record)")
    assert failures[2].startswith(f"{path}:text.tflite: not a TFLite model")
    assert read(f"{path}:d.tflite").description == "model of 8"  # on its own: no word of others
    for name in ("b.tflite", "broken.task", "text.tflite"):
        with pytest.raises(InvalidModel, match=f"b.task:{name}: "):
            read(f"{path}:{name}")
    with pytest.raises(InvalidModel, match=r"b\.tflite: this member is damaged"):
        read_all(path)


def test_bundles_within_bundles_have_a_bottom(tmp_path: Path) -> None:
    content = model(5)
    for depth in range(bundle.MAX_NESTING + 1):
        assert depth < 100
        content = zipped({"x.task" if depth else "m.tflite": content})
    path = tmp_path / "b.task"
    path.write_bytes(content)
    deep = ":".join(["x.task"] * bundle.MAX_NESTING)
    assert refusal(path) == (
        f"{path}:{deep}: is nested more than {bundle.MAX_NESTING} bundles deep"
    )
    with zipfile.ZipFile(path) as archive:
        path.write_bytes(archive.read("x.task"))
    assert read(path).description == "model of 5"


def test_a_plain_file_has_no_members(tmp_path: Path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(model())
    assert "not a bundle" in refusal(f"{path}:m.tflite")


def test_a_path_with_a_colon_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a:b.tflite"
    path.write_bytes(model())
    assert read(path).source == str(path)


@pytest.mark.parametrize(
    "name",
    [
        "../out.tflite",
        "a/../../out.tflite",
        "/etc/out.tflite",
        "..\\out.tflite",
        "\\\\host\\out.tflite",
        "C:\\out.tflite",
        "C:out.tflite",
        "notes/../../harmless.txt",
    ],
)
def test_a_member_that_climbs_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({"good.tflite": model(), name: model()}))
    assert "leads out of the bundle" in refusal(path)
    assert os.listdir(tmp_path) == ["b.task"]


@pytest.mark.parametrize("name", ["\x1b[2Jm.tflite", "a\nb.tflite"])
def test_an_unprintable_member(tmp_path: Path, name: str) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({name: model()}))
    message = refusal(path)
    assert message.isprintable()
    assert "unprintable" in message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_listed_twice(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("m.tflite", model(2))
        archive.writestr("m.tflite", model(3))
    path = tmp_path / "b.task"
    path.write_bytes(stream.getvalue())
    assert "listed twice" in refusal(path)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("m.tflite")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    path = tmp_path / "b.task"
    path.write_bytes(stream.getvalue())
    assert "'m.tflite' is a symbolic link" in refusal(path)


def test_an_encrypted_member(tmp_path: Path) -> None:
    content = bytearray(zipped({"m.tflite": model()}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    path = tmp_path / "b.task"
    path.write_bytes(content)
    assert "'m.tflite' is encrypted" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({"m.tflite": model()}, method))
    assert f"uses compression method {method}" in refusal(path)


def test_no_model_inside(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    for members in ({}, {"notes.txt": b"text"}, {"m.tflite/": b""}, {"b.task": b"not a zip"}):
        path.write_bytes(zipped(members))
        assert "holds no .tflite model" in refusal(path)


def test_a_member_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({"m.tflite": b"text text text"}))
    assert f"{path}:m.tflite: not a TFLite model" in refusal(path)


# Sizes ----------------------------------------------------------------------------------


def zeros_zip(megabytes: int, declared: int | None = None) -> bytes:
    """A handmade ZIP of one deflated member of zeros that declares the size `declared`."""
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (
        b"".join(compress.compress(bytes(1 << 20)) for _ in range(megabytes)) + compress.flush()
    )
    crc = 0
    for _ in range(megabytes):
        crc = zlib.crc32(bytes(1 << 20), crc)
    size = megabytes << 20 if declared is None else declared
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(packed), size, 8, 0)
    local = b"PK\x03\x04" + common + b"m.tflite" + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"m.tflite"
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


@pytest.mark.parametrize("declared", [(1 << 28) + 1, 10 * (1 << 30) % (1 << 32), (1 << 32) - 2])
def test_a_bundle_that_says_it_is_too_large(tmp_path: Path, declared: int) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zeros_zip(1, declared))
    assert f"would inflate to {declared} bytes, more than {1 << 28}" in refusal(path)


def test_ten_gigabytes_in_many_members(tmp_path: Path) -> None:
    """Forty members that each say 256 MB: none is too large alone."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.tflite", b"x" * 100)
    content = bytearray(stream.getvalue())
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 24 : at + 28] = struct.pack("<I", 1 << 28)
        at = content.find(b"PK\x01\x02", at + 1)
    path = tmp_path / "b.task"
    path.write_bytes(content)
    assert f"would inflate to {40 << 28} bytes" in refusal(path)


def test_a_bundle_that_lies_about_its_size(tmp_path: Path) -> None:
    """It declares 1000 bytes and holds 64 MB: never more than declared is inflated."""
    path = tmp_path / "b.task"
    path.write_bytes(zeros_zip(64, 1000))
    assert "damaged" in refusal(path)


def test_true_sizes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second bound: on the bytes inflated, over all members."""
    monkeypatch.setattr(archive, "_check_members", lambda *_: None)
    monkeypatch.setattr(archive, "MAX_INFLATED", 3 << 20)
    path = tmp_path / "b.task"
    path.write_bytes(zeros_zip(4))
    assert f"m.tflite: inflates to more than {3 << 20} bytes" in refusal(path)


def zip64(entries: int | None = None, size: int | None = None) -> bytes:
    """A bundle with the 64-bit end records before the plain one; the arguments are their contents
    where not true. APPNOTE.TXT 4.3.14 and 4.3.15.
    """
    content = zipped({"m.tflite": model(5)})
    at, start = content.index(b"PK\x05\x06"), content.index(b"PK\x01\x02")
    entries = 1 if entries is None else entries
    size = at - start if size is None else size
    record = struct.pack(
        "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, start
    )
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    return content[:at] + record + locator + content[at:]


def test_a_zip64_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    for zeros in range(4):
        path.write_bytes(bytes(zeros) + zip64())
        assert read(path).description == "model of 5"


@pytest.mark.parametrize(
    ("entries", "size"), [(1 << 40, None), (None, 1 << 40), (1 << 40, 1 << 40)]
)
def test_a_zip64_archive_is_bounded(tmp_path: Path, entries: int | None, size: int | None) -> None:
    """Its records may claim anything while the plain one says one, and zipfile believes them."""
    path = tmp_path / "b.task"
    path.write_bytes(zip64(entries, size))
    assert f"more than {archive.MAX_MEMBERS} in {archive.MAX_DIRECTORY}" in refusal(path)


def test_a_zip64_locator_without_its_record(tmp_path: Path) -> None:
    content = zip64()
    path = tmp_path / "b.task"
    path.write_bytes(content.replace(b"PK\x06\x06", b"PK\x06\x09"))
    assert "damaged (no ZIP64 record)" in refusal(path)


def test_a_zip64_locator_that_points_at_another_record(tmp_path: Path) -> None:
    """Python versions differ in which of the two they read."""
    content = zip64()
    at = content.index(b"PK\x06\x06")
    far = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    pointing = content[:at] + far + content[at:]
    path = tmp_path / "b.task"
    path.write_bytes(pointing)  # the locator still says `at`, where the other record now is
    assert "more than" in refusal(path)


def test_a_plain_archive_with_wide_sizes_is_read(tmp_path: Path) -> None:
    """A streaming writer may give a member 64-bit sizes where 32 bits would do."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w") as bundled,
        bundled.open("m.tflite", "w", force_zip64=True) as member,
    ):
        member.write(model(5))
    path = tmp_path / "b.task"
    path.write_bytes(stream.getvalue())
    assert read(path).description == "model of 5"


def test_too_many_members(tmp_path: Path) -> None:
    path = tmp_path / "b.task"
    path.write_bytes(zipped({f"{i}.txt": b"" for i in range(1025)}))
    assert "1025 members" in refusal(path)


def test_nested_bundles_share_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_INFLATED", 3 << 20)
    inner = zipped({"m.tflite": bytes(2 << 20)})
    path = tmp_path / "b.task"
    path.write_bytes(zipped({"a.task": inner, "b.task": inner}))
    assert "b.task:b.task: the bundle would inflate to" in refusal(path)


# Damage ---------------------------------------------------------------------------------


def test_truncated_everywhere(task: Path) -> None:
    whole = task.read_bytes()
    for length in range(4, len(whole), 3):
        task.write_bytes(whole[:length])
        with pytest.raises(InvalidModel):
            read_all(task)
    assert len(whole) > 1000


def test_flipped_bytes_only_ever_give_invalid_model(task: Path) -> None:
    whole = task.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(500):
        content = bytearray(whole)
        for at in rng.integers(4, len(whole), rng.integers(1, 4)):
            content[at] = rng.integers(256)
        task.write_bytes(content)
        try:
            read_all(task)
        except InvalidModel:
            refused += 1
    assert refused > 200
