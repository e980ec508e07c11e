"""Converted folders as models: which file they are compared with, and that their own weights are
what is compared. Expected digests and names come from the registry and the file system.
"""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

import blazepalm
from blazepalm.converter.folder import is_converted, original
from blazepalm.converter.inspect import inspect
from blazepalm.converter.verify import verify
from blazepalm.errors import BlazePalmError, CouldNotVerify, InvalidInput
from blazepalm.models.releases import resolve
from blazepalm.reports.hands.open_models import open_model
from support.reexports import reexported

SWAPPED = ("world_landmarks", "handedness", "presence", "landmarks")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with swapped.tflite, an unknown file, and what `convert` made of it."""
    place = tmp_path_factory.mktemp("made")
    content = reexported(resolve("hand-lite").read_bytes(), (3, 2, 1, 0))
    (place / "swapped.tflite").write_bytes(content)
    blazepalm.convert(place / "swapped.tflite", place / "hand", coreml=None)
    return place


def test_the_file_beside_the_folder(made: Path) -> None:
    folder = made / "hand"
    assert is_converted(folder) and not is_converted(made)
    found = original(folder)
    assert (found.source, found.same) == (str(made / "swapped.tflite"), True)
    report = inspect(folder).models[0]
    assert report.output_names == SWAPPED
    assert any("the file that it was made from" in note for note in report.notes)


def test_neither_the_file_nor_a_release_of_its_network(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "hand", tmp_path / "hand")
    for look in (original, inspect):
        with pytest.raises(CouldNotVerify, match="made from, swapped.tflite with SHA-256"):
            look(tmp_path / "hand")
    opened = open_model(tmp_path / "hand", "hand", "torch")  # finds hands without the file
    assert opened.spec.outputs[0].name == "world_landmarks"  # type: ignore[union-attr]
    with pytest.raises(CouldNotVerify, match="put it beside the folder"):
        open_model(tmp_path / "hand", "hand", "tflite")


def test_a_release_of_the_same_network(made: Path, tmp_path: Path) -> None:
    """A file with other names is recognised as another file of a known network."""
    anonymous = tmp_path / "anonymous.tflite"
    anonymous.write_bytes(reexported(resolve("hand-lite").read_bytes()))
    (folder,) = blazepalm.convert(anonymous, tmp_path / "hand", coreml=None)
    anonymous.unlink()
    found = original(folder)
    assert (Path(found.source), found.same) == (resolve("hand-lite"), False)


def test_statements_about_a_folder_are_refused(made: Path) -> None:
    stated = blazepalm.Overrides({"landmarks": "0"})
    with pytest.raises(InvalidInput, match="a converted folder states its outputs"):
        open_model(made / "hand", "hand", "torch", overrides=stated)
    with pytest.raises(InvalidInput, match="a converted folder states its outputs"):
        inspect(made / "hand", stated)


def test_parity_compares_the_folder_s_own_weights(made: Path, tmp_path: Path) -> None:
    """The folder's bias is 1e-3 larger than the file's: the folder is consistent, but wrong."""
    shutil.copy(made / "swapped.tflite", tmp_path)
    folder = tmp_path / "hand"
    shutil.copytree(made / "hand", folder)
    report = blazepalm.parity(folder, inputs=2, coreml=False)
    assert report.passed
    assert any("the file that it was made from" in note for note in report.models[0].notes)
    weights = folder / "model.safetensors"
    state = load_file(weights)
    state["heads.landmarks.layer.bias"] += 1e-3
    save_file(state, weights)
    record = json.loads((folder / "conversion.json").read_text())
    record["artifacts"][weights.name] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder / "conversion.json").write_text(json.dumps(record))
    assert not blazepalm.parity(folder, inputs=2, coreml=False).passed


def test_verify_converts_again_with_what_was_stated(tmp_path: Path) -> None:
    stated = blazepalm.Overrides({"presence": "2"}, ("hand-2020-05",), {"": (-1.0, 1.0)})
    blazepalm.convert("hand-lite", tmp_path / "hand", coreml=None, overrides=stated)
    found = verify(tmp_path / "hand")
    assert found.passed, [finding for finding in found.findings if finding.status != "holds"]


def test_a_damaged_record(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "hand", tmp_path / "hand")
    record = tmp_path / "hand" / "conversion.json"
    values = json.loads(record.read_text())
    for source in (None, 7, {}, {"file": "../..", "sha256": []}, {"file": "a\0b"}):
        record.write_text(json.dumps({**values, "source": source}))
        for use in (original, inspect, lambda folder: open_model(folder, "hand", "torch")):
            with pytest.raises(BlazePalmError, match="names no source file|made from"):
                use(tmp_path / "hand")
