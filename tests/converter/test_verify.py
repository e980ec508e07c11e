"""`verify`: whatever changes in a converted folder, it says what."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import blazepalm as package
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.verify import DIFFERS, HOLDS, NOT_CHECKED, Verification, verify
from blazepalm.errors import ArtifactError, InvalidModel
from blazepalm.models.releases import by_name
from support.cli import Cli

RECORD = "conversion.json"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verify") / "palm-lite"
    package.convert("palm-lite", place, coreml=CoreMLOptions(face="raw"))
    return place


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "palm")
    return tmp_path / "palm"


def differing(result: Verification) -> list[str]:
    return [finding.what for finding in result.findings if finding.status == DIFFERS]


def rerecord(folder: Path, name: str) -> None:
    """Records a changed file's new SHA-256, as somebody would who hides the change."""
    record = json.loads((folder / RECORD).read_text())
    record["artifacts"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / RECORD).write_text(json.dumps(record))


def test_what_convert_wrote_holds(folder: Path) -> None:
    result = verify(folder)
    assert {finding.status for finding in result.findings} == {HOLDS}
    assert result and result.passed and result.exit_code == 0
    whats = [finding.what for finding in result.findings]
    assert whats[-4:] == ["weights", "anchors", "structure", "Core ML package"]
    assert len(whats) == 13


def test_one_flipped_bit_in_any_file_is_found(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != RECORD]
    assert len(paths) == 9
    for path in paths:
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        result = verify(folder)
        assert differing(result) == [str(path.relative_to(folder))]
        assert result.exit_code == 1
        path.write_bytes(content)


def test_a_changed_weight_is_named_though_its_hash_was_recorded(folder: Path) -> None:
    weights = folder / "model.safetensors"
    state = load_file(weights)
    name = sorted(state)[7]
    state[name] = np.nextafter(state[name], np.float32(np.inf))
    save_file(state, weights)
    rerecord(folder, weights.name)
    result = verify(folder)
    assert differing(result) == ["weights"]
    finding = next(finding for finding in result.findings if finding.what == "weights")
    assert finding.detail == f"1 of {len(state)} tensors differ from palm-lite-2021-11's: {name}"


def test_other_anchors_are_found_though_their_hash_was_recorded(folder: Path) -> None:
    anchors = np.load(folder / "anchors.npy")
    np.save(folder / "anchors.npy", anchors + np.float32(2**-10))
    rerecord(folder, "anchors.npy")
    assert differing(verify(folder)) == ["anchors"]


def test_a_missing_file_is_found(folder: Path) -> None:
    (folder / "model.pth").unlink()
    assert differing(verify(folder)) == ["model.pth"]


def test_without_the_source_the_rest_is_not_checked(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())
    record["source"].update(sha256="00" * 32, network_sha256="00" * 32)
    (folder / RECORD).write_text(json.dumps(record))
    result = verify(folder)
    open_ = [finding for finding in result.findings if finding.status == NOT_CHECKED]
    assert [finding.what for finding in open_] == ["weights", "structure", "Core ML package"]
    assert open_[0].detail == "the source is not on this machine: give it with --source"
    assert not result.passed and result.exit_code == 3


def test_the_source_can_be_given_and_must_be_the_one(folder: Path) -> None:
    assert verify(folder, by_name("palm-lite").location()).passed
    with pytest.raises(InvalidModel, match="palm-full: is not the file with SHA-256"):
        verify(folder, "palm-full")


def test_a_record_cannot_point_outside(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())
    for name in ("../secret", "/etc/passwd"):
        record["coreml"]["files"] = {name: "0" * 64}
        (folder / RECORD).write_text(json.dumps(record))
        if name.startswith("/"):
            record["coreml"]["name"] = ""
            (folder / RECORD).write_text(json.dumps(record))
        with pytest.raises(ArtifactError, match="names files outside its folder"):
            verify(folder)


def test_command_line(folder: Path, blazepalm: Cli, tmp_path: Path) -> None:
    done = blazepalm("verify", folder)
    assert done.code == 0 and "palm: everything holds" in done.out
    (folder / "model.pth").write_bytes(b"x")
    done = blazepalm("verify", folder, "--json")
    assert done.code == 1 and done.json[0]["passed"] is False
    statuses = {finding["what"]: finding["status"] for finding in done.json[0]["findings"]}
    assert statuses["model.pth"] == DIFFERS and statuses["README.md"] == HOLDS
    done = blazepalm("verify", tmp_path / "none")
    assert done.code == 2 and "has no conversion.json" in done.err
