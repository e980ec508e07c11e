"""From file to artifacts: the tensor map, the proof, the written files, the refusals."""

import hashlib
import json
import os
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import blazepalm
from blazepalm.converter import convert as conversion
from blazepalm.converter.convert import convert_graph, module_of
from blazepalm.converter.converted import Converted
from blazepalm.converter.destinations import folder_names
from blazepalm.converter.evidence import Overrides
from blazepalm.converter.loading import load, read_record
from blazepalm.converter.proof import prove
from blazepalm.converter.tflite import read, read_bytes
from blazepalm.errors import (
    ArtifactError,
    InvalidModel,
    UnknownRelease,
    WeightTransferError,
)
from blazepalm.models.spec import Evidence
from support.converted import converted, images
from support.models import HANDS, PALMS, SHARED, shared_model
from support.rewritten import with_another_weight
from support.synthetic import with_unused_buffer

SMALL = "hand-recrop-2020-07"  # the smallest file, and the one of no family


# without Core ML, which tests/converter/coreml and one test here look at
convert = partial(conversion.convert, coreml=None)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.mark.processor
@pytest.mark.parametrize("release", [*PALMS, *HANDS])
def test_readable_equals_generic_bit_for_bit(release: str) -> None:
    """On images that the conversion's proof did not use, one at a time and together."""
    model = converted(release)
    nhwc = torch.from_numpy(images(release, 3, seed=11))
    for batch in (nhwc, nhwc[:1]):
        with torch.no_grad():
            expected = model.generic(batch)
            found = model.module(batch.permute(0, 3, 1, 2).contiguous())
        assert len(model.outputs) == len(expected) >= 2
        for name, reference in zip(model.outputs, expected, strict=True):
            assert torch.equal(getattr(found, name), reference)


@pytest.mark.parametrize("release", SHARED.values())
def test_tensor_map_is_complete_and_true(release: str) -> None:
    """Checks each row against the file's bytes and the module's, independently of the transfer: the
    source hash from the raw buffer, the value by undoing the transform.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = converted(release)
    state = model.module.state_dict()
    rows = model.tensor_map
    assert sorted(row.key for row in rows) == sorted(state)
    raw = schema.ModelT.InitFromPackedBuf(shared_model(release).read_bytes(), 0)
    tensors = raw.subgraphs[0].tensors
    undo = {"OHWI→OIHW": (0, 2, 3, 1), "1HWO→O1HW": (1, 2, 3, 0), "NHWC→NCHW": (0, 2, 3, 1)}
    for row in rows:
        value = state[row.key].numpy()
        assert hashlib.sha256(value.tobytes()).hexdigest() == row.value_sha256
        stored = raw.buffers[tensors[row.tensor].buffer].data
        assert hashlib.sha256(stored.tobytes()).hexdigest() == row.source_sha256
        assert tensors[row.tensor].name.decode() == row.name
        if row.sparse:
            assert "DENSIFY" in row.folded
            continue
        dtype = {"float32": np.float32, "float16": np.float16}[row.stored_dtype]
        flat = np.frombuffer(stored.tobytes(), dtype).astype(np.float32)
        back = value.transpose(undo[row.transform]) if row.transform in undo else value
        assert np.array_equal(flat, back.reshape(-1))


def test_sparse_and_half_precision_rows_say_so() -> None:
    sparse = converted("hand-sparse-2021-02").tensor_map
    assert sum(row.sparse for row in sparse) == 30
    half = converted("hand-full-2022").tensor_map
    assert {row.stored_dtype for row in half} == {"float16"}
    assert {row.folded for row in half} == {("DEQUANTIZE",)}


@pytest.mark.parametrize("release", [SMALL, "palm-lite-2021-11"])
def test_artifacts_load_back_and_repeat(release: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    convert(shared_model(release), first)
    convert(shared_model(release), second)
    assert tree(first) == tree(second)
    record = read_record(first)
    assert record["release"] == release
    assert (
        record["source"]["sha256"] == hashlib.sha256(shared_model(release).read_bytes()).hexdigest()
    )
    for name, digest in record["artifacts"].items():
        assert hashlib.sha256((first / name).read_bytes()).hexdigest() == digest
    original = converted(release).module
    plain = torch.load(first / "model.pth", weights_only=True)["state_dict"]
    again = blazepalm.load(first)
    assert type(again).__name__ == type(original).__name__
    assert not again.training
    for state in (plain, again.state_dict()):
        assert list(state) and sorted(state) == sorted(original.state_dict())
        assert all(torch.equal(state[k], v) for k, v in original.state_dict().items())
    batch = torch.from_numpy(images(release, 2))
    batch = batch if release == SMALL else batch.permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        for a, b in zip(again(batch), original(batch), strict=True):
            assert torch.equal(a, b)


def test_detector_anchors_are_an_artifact(tmp_path: Path) -> None:
    convert("palm-full", tmp_path / "out")
    anchors = np.load(tmp_path / "out" / "anchors.npy", allow_pickle=False)
    assert anchors.shape == (2016, 4) and anchors.dtype == np.float32
    # first cell of the 24×24 map, and last of the 12×12 map: centres of cells
    assert anchors[0].tolist() == [np.float32(0.5 / 24), np.float32(0.5 / 24), 1.0, 1.0]
    assert anchors[-1].tolist() == [np.float32(11.5 / 12), np.float32(11.5 / 12), 1.0, 1.0]


def test_another_file_of_a_known_network_is_that_release(tmp_path: Path) -> None:
    """A renamed copy with an unused buffer appended: same weights, same map, same release."""
    path = tmp_path / "anything.bin"
    path.write_bytes(with_unused_buffer(shared_model("hand-2020-11").read_bytes()))
    other = module_of(path, pytest.fail)
    known = converted("hand-2020-11")
    assert other.graph.sha256 != known.graph.sha256
    assert other.release is known.release and other.name == "hand-2020-11"
    assert other.recognition is not None and known.recognition is not None
    assert other.recognition.spec == known.recognition.spec
    assert other.tensor_map == known.tensor_map


def test_one_other_weight_changes_the_release_name_only(tmp_path: Path) -> None:
    path = tmp_path / "anything.bin"
    path.write_bytes(with_another_weight(shared_model("hand-2020-11").read_bytes()))
    notices: list[str] = []
    other = module_of(path, notices.append)
    known = converted("hand-2020-11")
    assert other.release is None and other.name == "anything"
    assert known.release is not None and known.release.name == "hand-2020-11"
    assert len(notices) == 1 and "not a known release" in notices[0]
    assert other.recognition is not None and known.recognition is not None
    strip: dict[str, Any] = {"z_scale": 1.0, "presence_threshold": 0.0, "value_range": (0.0, 0.0)}
    assert other.recognition.spec.evidence.value_range == "behaviour"
    strip["evidence"] = Evidence()
    assert replace(other.recognition.spec, **strip) == replace(known.recognition.spec, **strip)
    differ = [a.key for a, b in zip(other.tensor_map, known.tensor_map, strict=True) if a != b]
    assert len(differ) == 1


def _damaged(release: str, index: int) -> Converted:
    """A conversion whose readable module has one number that differs from the file."""
    model = converted(release)
    copy = convert_graph(model.graph)
    with torch.no_grad():
        list(copy.module.parameters())[index].view(-1)[0] += 1.0
    return copy


@pytest.mark.parametrize("index", [0, 10, -1])
def test_the_proof_catches_one_changed_number(index: int) -> None:
    with pytest.raises(WeightTransferError, match="differs from the graph's"):
        prove(_damaged("hand-2020-11", index))


def test_transfer_names_what_is_lost_or_filled_twice() -> None:
    from blazepalm.converter.weights import readable_keys, transfer

    model = converted("hand-2020-11")
    assert model.recognition is not None
    graph, modules = model.graph, dict(model.recognition.modules)
    bindings = model.generic.bindings
    keys = readable_keys(graph, bindings, modules)
    stem = bindings[0]
    without = {b: k for b, k in keys.items() if b != stem}
    with pytest.raises(WeightTransferError, match=rf"unused weights: %{stem.tensor} "):
        transfer(graph, without, model.module)
    with pytest.raises(WeightTransferError, match="backbone.stem.conv.weight is filled twice"):
        transfer(graph, {**keys, bindings[2]: keys[stem]}, model.module)
    with pytest.raises(WeightTransferError, match=r"has no place for %\d+ "):
        readable_keys(graph, bindings, {k: v for k, v in modules.items() if k != stem.operator})
    swapped = {**keys, bindings[2]: keys[bindings[0]], bindings[0]: keys[bindings[2]]}
    with pytest.raises(WeightTransferError, match="does not fit backbone.stem.conv.weight"):
        transfer(graph, swapped, model.module)


def test_bundle_gives_one_folder_a_model(tmp_path: Path) -> None:
    bundle = tmp_path / "hand_landmarker.task"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.write(shared_model("palm-full-2023-09"), "hand_detector.tflite")
        archive.write(shared_model("hand-full-2022"), "hand_landmarks_detector.tflite")
    folders = convert(bundle, tmp_path / "out")
    assert [f.name for f in folders] == ["hand_detector", "hand_landmarks_detector"]
    assert [read_record(f)["release"] for f in folders] == ["palm-full-2023-09", "hand-full-2022"]


def test_existing_folders_are_not_overwritten(tmp_path: Path) -> None:
    path = shared_model(SMALL)
    ours, theirs, file = tmp_path / "ours", tmp_path / "theirs", tmp_path / "file"
    convert(path, ours)
    before = tree(ours)
    with pytest.raises(ArtifactError, match="exists already"):
        convert(path, ours)
    assert tree(ours) == before
    convert(path, ours, force=True)
    assert tree(ours) == before
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtifactError, match="blazepalm did not write"):
        convert(path, theirs, force=True)
    assert tree(theirs) == {"thesis.tex": b"years of work"}
    file.write_text("a file")
    with pytest.raises(ArtifactError, match="is not a folder"):
        convert(path, file, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "ours", "theirs"]


def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save", full_disk)
    with pytest.raises(ArtifactError, match="No space left on device"):
        convert(shared_model(SMALL), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_read_only_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission bits do not stop root, so the test fakes the system's answer."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ArtifactError, match="is not a writable folder"):
        convert(shared_model(SMALL), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    convert(shared_model("hand-2020-11"), folder)
    record = json.loads((folder / "conversion.json").read_text())

    def attempt(words: str) -> None:
        with pytest.raises(ArtifactError, match=words):
            load(folder)

    with pytest.raises(ArtifactError, match=r"has no conversion.json"):
        load(tmp_path)
    (folder / "conversion.json").write_text("{")
    attempt("damaged")
    (folder / "conversion.json").write_text(json.dumps({**record, "schema": "other/9"}))
    attempt("the schema is not")
    broken = json.loads(json.dumps(record))
    broken["spec"]["pooled"] = 7
    (folder / "conversion.json").write_text(json.dumps(broken))
    attempt("spec.pooled is 7, but the network gives 2304")
    (folder / "conversion.json").write_text(json.dumps(record))
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:1000])
    attempt("its SHA-256 differs")
    (folder / "model.safetensors").write_bytes(weights)
    assert load(folder) is not None


def test_reading_bytes_and_files_is_one(tmp_path: Path) -> None:
    path = shared_model(SMALL)
    assert read(path).sha256 == read_bytes(path.read_bytes(), "memory").sha256


def test_a_generation_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "unknown.tflite"
    path.write_bytes(with_another_weight(shared_model("palm-2020-11").read_bytes()))
    notices: list[str] = []
    named = module_of(path, notices.append, Overrides(generations=("palm-2020-11",)))
    assert not any("but" in notice for notice in notices)
    assert named.recognition is not None
    assert named.recognition.spec.value_range == (-1.0, 1.0)
    with pytest.raises(UnknownRelease, match="unknown palm generation 'hand-2020-11'"):
        module_of(path, notices.append, Overrides(generations=("hand-2020-11",)))


def test_the_core_ml_package_is_an_artifact(tmp_path: Path) -> None:
    """Uses the file of no known family, which converts quickly: it gets the raw face, and a notice
    says so.
    """
    notices: list[str] = []
    (folder,) = conversion.convert(shared_model(SMALL), tmp_path / "out", notice=notices.append)
    package = read_record(folder)["coreml"]
    assert package["face"] == "raw" and any("raw face" in notice for notice in notices)
    for name, digest in package["files"].items():
        content = (folder / package["name"] / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    assert package["operation_count"] <= package["tflite_operators"] + 10
    assert load(folder) is not None


def test_a_weight_that_is_no_number_is_the_fault_of_the_file(tmp_path: Path) -> None:
    """One NaN in the stem's kernel: the message names the tensor."""
    graph = converted("hand-2020-11").graph
    stem = next(op for op in graph.operators if op.name == "CONV_2D")
    tensors = list(graph.tensors)
    kernel = tensors[stem.inputs[1]]
    assert kernel.data is not None
    damaged = kernel.data.copy()
    damaged.flat[5] = np.nan
    tensors[kernel.index] = replace(kernel, data=damaged)
    with pytest.raises(InvalidModel, match=rf"weight %{kernel.index} .* has 1 of {damaged.size} "):
        convert_graph(replace(graph, tensors=tuple(tensors)), lambda message: None)


@pytest.mark.parametrize("member", ["..tflite", "...tflite", ". .tflite"])
def test_a_member_whose_name_is_no_folder(member: str) -> None:
    with pytest.raises(ArtifactError, match="cannot be a folder name"):
        folder_names("x.task", [f"x.task:{member}"])
