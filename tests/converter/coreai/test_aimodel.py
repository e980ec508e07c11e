"""`convert --aimodel`: the same bytes in any process, recorded and checked; one sentence if not.

BLAZEPALM_EVERY_RELEASE=1 converts again and runs what was written.
"""

import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from blazepalm.child import Child
from blazepalm.cli.convert_tables import folder_table
from blazepalm.converter.convert import convert
from blazepalm.converter.coreai import aimodel, needed
from blazepalm.converter.coreai.needed import CHILD, LIMITS, missing_coreai
from blazepalm.converter.loading import read_record
from blazepalm.converter.verify import DIFFERS, HOLDS, verify
from blazepalm.errors import ArtifactError
from support.cli import Cli
from support.tiny import doubling

NAME = "Tiny.aimodel"
RECORD = "conversion.json"
again = pytest.mark.skipif(
    not os.environ.get("BLAZEPALM_EVERY_RELEASE"), reason="BLAZEPALM_EVERY_RELEASE is not set"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, its source beside it."""
    if (reason := missing_coreai()) is not None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("aimodel")
    (place / "tiny.tflite").write_bytes(doubling())
    folder = place / "tiny"
    convert(place / "tiny.tflite", folder, coreml=None, aimodel="fp32", notice=lambda _: None)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written.parent, tmp_path / "own")
    return tmp_path / "own" / "tiny"


@again
def test_the_same_model_gives_the_same_bytes(folder: Path) -> None:
    """`verify` converts the model again, in another process of Core AI's, where its own names for
    constants would be others.
    """
    result = verify(folder)
    assert {finding.status for finding in result.findings} == {HOLDS}
    assert "Core AI program" in [finding.what for finding in result.findings]


def test_a_program_is_recorded(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())["coreai"]
    assert sorted(record["files"]) == sorted(p.name for p in (folder / NAME).iterdir())
    assert record["stable"] and record["precision"] == "fp32"
    assert record["functions"]["raw"]["floors"] == {"double": 0.0}  # 2 · x is exact


def test_the_table_says_what_it_is(folder: Path) -> None:
    stream = io.StringIO()
    Console(file=stream, width=120).print(folder_table(folder, read_record(folder)))
    said = " ".join(stream.getvalue().split())
    assert "Core AI experimental, iOS 27 and macOS 27: functions raw, fp32, coreai-core" in said
    assert "another run gives other bytes" not in said


@again
def test_core_ai_computes_the_written_function(folder: Path) -> None:
    given = np.random.default_rng(4).standard_normal((1, 4, 5, 3)).astype(np.float32)
    record = json.loads((folder / RECORD).read_text())["coreai"]["functions"]["raw"]
    (name,) = (port["name"] for port in record["inputs"])
    arguments = {"asset": str(folder / NAME), "function": "raw"}
    with Child("Core AI", f"{CHILD}:open_asset", arguments, LIMITS) as run:
        assert np.array_equal(run({name: given})["double"], 2 * given)


def test_a_changed_byte_is_found(folder: Path) -> None:
    for path in sorted((folder / NAME).iterdir()):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        found = [f.what for f in verify(folder).findings if f.status == DIFFERS]
        assert found == [f"{NAME}/{path.name}"]
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["../tiny.aimodel", "/tmp/tiny.aimodel"])
def test_a_record_that_names_other_files(folder: Path, name: str) -> None:
    record = json.loads((folder / RECORD).read_text())
    record["coreai"]["name"] = name
    (folder / RECORD).write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match="names files outside its folder"):
        verify(folder)


def test_a_folder_with_a_program_is_replaced_whole(folder: Path) -> None:
    convert(folder.parent / "tiny.tflite", folder, force=True, coreml=None, notice=lambda _: None)
    assert not (folder / NAME).exists()
    assert json.loads((folder / RECORD).read_text())["coreai"] is None


@pytest.mark.parametrize(
    ("found", "times"),
    [
        ([1.0, 2.0 + 2.0**-22], 2.0),  # torch is 2⁻²³ away
        ([1.0, 2.0], 0.0),
        ([1.0, float("nan")], float("inf")),
        ([1.0], float("inf")),
    ],
)
def test_distances_in_floors(found: list[float], times: float) -> None:
    near, exact = np.array([1.0, 2.0 + 2.0**-23]), np.array([1.0, 2.0])
    assert aimodel._floors(np.array(found), near, exact, half=False) == times


def test_without_core_ai_one_sentence_says_how_to_get_it(
    blazepalm: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("another sentence there")
    monkeypatch.setattr(needed.importlib.util, "find_spec", lambda name: None)
    ran = blazepalm("convert", "palm-lite", "--no-coreml", "--aimodel", "-o", tmp_path / "out")
    assert ran.code == 2 and not (tmp_path / "out").exists() and ran.out == ""
    said = "Core AI is not installed; install it with: pip install 'blazepalm[coreai]'"
    assert said in " ".join(ran.err.split())


def test_an_unknown_precision_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="choose fp16 or fp32"):
        convert("palm-lite", tmp_path / "out", coreml=None, aimodel="int8")
    assert not (tmp_path / "out").exists()
