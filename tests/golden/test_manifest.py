"""Manifests: written and read back, and every kind of wrong or hostile one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import ArtifactError, InvalidImage
from blazepalm.golden.manifest import (
    JSON_BYTES,
    MANIFEST,
    GoldenCase,
    GoldenSet,
    TrueHand,
    file_sha256,
    load_golden,
)
from support.changes import first_case, first_hand

PICTURE = (np.arange(2 * 3 * 3, dtype=np.uint8) * 11).reshape(2, 3, 3)


@pytest.fixture
def golden(tmp_path: Path) -> GoldenSet:
    Image.fromarray(PICTURE).save(tmp_path / "one.png")
    (tmp_path / "bad.png").write_bytes(b"text")
    digests = [file_sha256(tmp_path / name) for name in ("one.png", "bad.png")]
    hand = TrueHand(
        tuple((i + 0.125, -i / 3) for i in range(21)),
        tuple((i / 7, 0.0, 1e-6 * i) for i in range(21)),
        (-1.5, 2.0, 30.25, 40.0),
        "left",
    )
    cases = (
        GoldenCase("one", "hand", "one.png", str(digests[0]), True, 3, 2, 7, {"a": [1]}, (hand,)),
        GoldenCase("bad", "file", "bad.png", str(digests[1]), False, 0, 0, 8),
    )
    found = GoldenSet(3, tmp_path, cases)
    (tmp_path / MANIFEST).write_bytes(found.to_bytes())
    return found


def test_what_is_written_is_read(golden: GoldenSet) -> None:
    found = load_golden(golden.folder)
    assert found == golden
    assert found.sha256 == golden.sha256 == file_sha256(golden.folder / MANIFEST)


def test_the_text_is_plain_sorted_and_tells_its_conventions(golden: GoldenSet) -> None:
    values = json.loads((golden.folder / MANIFEST).read_text(encoding="utf-8"))
    assert list(values) == sorted(values)
    assert "MediaPipe" in values["about"]["origin"] and "joints_2d" in values["about"]
    assert values["cases"][0]["hands"][0]["joints_2d"][4] == [4.125, -4 / 3]


def test_pictures_are_read(golden: GoldenSet) -> None:
    case, bad = golden.cases
    np.testing.assert_array_equal(golden.image(case), PICTURE)
    np.testing.assert_array_equal(case.read(golden.folder), PICTURE)
    with pytest.raises(InvalidImage, match="is not an image"):
        golden.image(bad)


def test_a_changed_or_missing_picture_is_refused(golden: GoldenSet) -> None:
    path = golden.folder / "one.png"
    content = path.read_bytes()
    path.write_bytes(content + b"\0")
    with pytest.raises(ArtifactError, match=r"one\.png: differs from the manifest"):
        golden.image(golden.cases[0])
    path.unlink()
    with pytest.raises(ArtifactError, match="differs from the manifest"):
        golden.image(golden.cases[0])


def test_a_link_to_elsewhere_is_no_picture(golden: GoldenSet, tmp_path: Path) -> None:
    path = golden.folder / "one.png"
    outside = tmp_path.with_name(tmp_path.name + "-outside.png")
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(ArtifactError, match="differs from the manifest"):
        golden.image(golden.cases[0])


CHANGES: dict[str, Any] = {
    "format": lambda v: v.update(format="other"),
    "version 0": lambda v: v.update(version=0),
    "version text": lambda v: v.update(version="1"),
    "version true": lambda v: v.update(version=True),
    "no version": lambda v: v.pop("version"),
    "cases no list": lambda v: v.update(cases={"0": 1}),
    "too many cases": lambda v: v.update(cases=[1] * 10_001),
    "case no object": lambda v: v.update(cases=[1]),
    "twice": lambda v: v["cases"].append(first_case(v)),
    "file above": lambda v: first_case(v).update(file="../one.png"),
    "file absolute": lambda v: first_case(v).update(file="/etc/hostname"),
    "file hidden": lambda v: first_case(v).update(file=".one.png"),
    "file no text": lambda v: first_case(v).update(file=["one.png"]),
    "file long": lambda v: first_case(v).update(file="a" * 10_000),
    "name with escape": lambda v: first_case(v).update(name="\x1b[31m"),
    "kind": lambda v: first_case(v).update(kind="handy"),
    "digest": lambda v: first_case(v).update(sha256="ab"),
    "readable": lambda v: first_case(v).update(readable=1),
    "width 0": lambda v: first_case(v).update(width=0),
    "width of the unreadable": lambda v: v["cases"][1].update(width=3),
    "width huge": lambda v: first_case(v).update(width=100_000, height=100_000),
    "width broken": lambda v: first_case(v).update(width=3.5),
    "seed": lambda v: first_case(v).update(seed=-1),
    "parameters": lambda v: first_case(v).update(parameters=[]),
    "hands": lambda v: first_case(v).update(hands={}),
    "many hands": lambda v: first_case(v).update(hands=[first_hand(v)] * 17),
    "20 joints": lambda v: first_hand(v)["joints_2d"].pop(),
    "3 numbers": lambda v: first_hand(v)["joints_2d"][3].append(1.0),
    "text for a number": lambda v: first_hand(v)["joints_3d"].__setitem__(0, ["0", 0, 0]),
    "true for a number": lambda v: first_hand(v)["joints_3d"].__setitem__(0, [True, 0, 0]),
    "not finite": lambda v: first_hand(v)["joints_3d"].__setitem__(0, [float("nan"), 0, 0]),
    "far away": lambda v: first_hand(v)["joints_3d"].__setitem__(0, [1e300, 0, 0]),
    "huge number": lambda v: first_hand(v)["joints_3d"].__setitem__(0, [10**400, 0, 0]),
    "box": lambda v: first_hand(v).update(box=[3, 2, 1, 4]),
    "side": lambda v: first_hand(v).update(handedness="Right"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_values_are_one_sentence(golden: GoldenSet, name: str) -> None:
    path = golden.folder / MANIFEST
    values = json.loads(path.read_text(encoding="utf-8"))
    CHANGES[name](values)
    path.write_text(json.dumps(values))
    with pytest.raises(ArtifactError) as caught:
        load_golden(golden.folder)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and "\x1b" not in message
    assert len(message) < len(str(path)) + 200


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"format":"blazepalm-golden"}', b"null"]
)
def test_what_is_no_manifest_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match="manifest"):
        load_golden(tmp_path)


def test_size_and_absence(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a golden set"):
        load_golden(tmp_path)
    with (tmp_path / MANIFEST).open("wb") as stream:
        stream.truncate(JSON_BYTES + 1)
    with pytest.raises(ArtifactError, match="is larger than 64 MB"):
        load_golden(tmp_path)
