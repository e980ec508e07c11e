"""`convert --pte`: the same bytes in any process, recorded and checked; one sentence if not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blazepalm.converter import pte
from blazepalm.converter.convert import convert
from blazepalm.converter.folder import pte_of
from blazepalm.converter.pte import missing_executorch
from blazepalm.converter.verify import DIFFERS, HOLDS, verify
from blazepalm.errors import ArtifactError
from support.cli import Cli
from support.tiny import doubling

NAME = "Tiny.pte"
RECORD = "conversion.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, made in another process with other hashes, and its source beside."""
    if (reason := missing_executorch()) is not None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("pte")
    (place / "tiny.tflite").write_bytes(doubling())
    command = ["convert", "tiny.tflite", "--no-coreml", "--pte", "-o", "tiny"]
    done = subprocess.run(
        [sys.executable, "-m", "blazepalm", *command],
        cwd=place,
        env={**os.environ, "PYTHONHASHSEED": "11"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to load" not in done.stderr and "Warning" not in done.stderr
    return place / "tiny"


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written.parent, tmp_path / "own")
    return tmp_path / "own" / "tiny"


def test_the_same_model_gives_the_same_bytes_and_they_are_recorded(folder: Path) -> None:
    """`verify` lowers the model again, in this process."""
    result = verify(folder)
    assert {finding.status for finding in result.findings} == {HOLDS}
    assert [f.what for f in result.findings if NAME in f.what or "ExecuTorch" in f.what] == [
        NAME,
        "ExecuTorch program",
    ]
    found = pte_of(folder)
    assert found is not None
    content, record = found
    assert content == (folder / NAME).read_bytes()
    assert record["delegate"] == "xnnpack" and record["outputs"] == ["double"]


def test_a_changed_byte_is_never_run(folder: Path, blazepalm: Cli) -> None:
    """ExecuTorch itself runs a program with another weight without a word."""
    content = bytearray((folder / NAME).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / NAME).write_bytes(content)
    with pytest.raises(ArtifactError, match="the file changed since"):
        pte_of(folder)
    ran = blazepalm("parity", folder, "--backend", "executorch", "--no-golden", "--no-coreml")
    assert ran.code == 2 and "its SHA-256 differs" in " ".join(ran.out.split())
    assert [f.what for f in verify(folder).findings if f.status == DIFFERS] == [NAME]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../tiny.pte"}, "names files outside its folder"),
        ({"sha256": None}, None),
        ({"name": "Other.pte"}, None),
    ],
)
def test_a_record_that_lies(folder: Path, change: dict[str, object], said: str | None) -> None:
    record = json.loads((folder / RECORD).read_text())
    record["executorch"].update(change)
    (folder / RECORD).write_text(json.dumps(record))
    with pytest.raises(ArtifactError):
        pte_of(folder)
    if said is None:
        assert verify(folder).exit_code == 1
    else:
        with pytest.raises(ArtifactError, match=said):
            verify(folder)


def test_a_folder_with_a_program_is_replaced_whole(folder: Path) -> None:
    convert(folder.parent / "tiny.tflite", folder, force=True, coreml=None, notice=lambda _: None)
    assert not (folder / NAME).exists() and pte_of(folder) is None
    assert json.loads((folder / RECORD).read_text())["executorch"] is None


def test_without_executorch_one_sentence_says_how_to_get_it(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pte.importlib.util, "find_spec", lambda name: None)
    ran = blazepalm("convert", "palm-lite", "--no-coreml", "--pte", "-o", tmp_path / "out")
    assert ran.code == 2 and not (tmp_path / "out").exists()
    said = "ExecuTorch is not installed; install it with: pip install 'blazepalm[executorch]'"
    assert said in " ".join(ran.err.split()) and ran.out == ""


def test_another_delegate_is_refused_before_the_work(blazepalm: Cli, tmp_path: Path) -> None:
    ran = blazepalm(
        "convert", "palm-lite", "--no-coreml", "--pte-delegate", "vulkan", "-o", tmp_path / "out"
    )
    assert ran.code == 2 and not (tmp_path / "out").exists()
    assert "choose xnnpack or coreml" in " ".join(ran.err.split())
