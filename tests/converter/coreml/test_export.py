"""Packages on disk: their descriptions, their numbers of operations, the results of executing the
saved program, and equal bytes in two runs. By default one release of each kind;
BLAZEPALM_EVERY_RELEASE=1 takes all ten.
"""

import copy
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.converter.coreml import CoreMLOptions, CoreMLRecord, Port, export
from blazepalm.converter.coreml.faces import float32_parts
from blazepalm.converter.coreml.ports import identifier
from blazepalm.errors import ArtifactError
from blazepalm.models.decode import decode_boxes, decode_scores
from blazepalm.models.release_registry import Release, load_registry
from blazepalm.models.releases import by_name
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.models.spec_json import spec_from_dict
from blazepalm.reports.backends.mil import load
from support.converted import converted, images
from support.models import ROOT, SHARED, shared_model

EVERY = bool(os.environ.get("BLAZEPALM_EVERY_RELEASE"))
RELEASES = list(SHARED.values()) if EVERY else ["palm-lite-2021-11", "hand-recrop-2020-07"]
PALM = "palm-2020-11"  # value range −1..1
HAND = "hand-lite-2022"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(release, face, precision) → record and path; each package is made once."""

    @cache
    def make(release: str, face: str, precision: str = "fp32") -> tuple[CoreMLRecord, Path]:
        folder = tmp_path_factory.mktemp("packages")
        record = export(converted(release), folder, CoreMLOptions(face=face, precision=precision))
        return record, folder / record.name

    return make


def specification(package: Path) -> Any:
    from coremltools.proto import Model_pb2

    message = Model_pb2.Model()
    message.ParseFromString((package / "Data/com.apple.CoreML/model.mlmodel").read_bytes())
    return message


def pixels(size: tuple[int, int], count: int, seed: int = 3) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.integers(0, 256, (count, *size, 3), dtype=np.uint8)


@pytest.mark.parametrize("release", RELEASES)
def test_raw_computes_what_the_file_computes(release: str, made: Any) -> None:
    """The saved program, executed, is as close to the float64 oracle as float32 gets."""
    model = converted(release)
    record, package = made(release, "raw")
    nhwc = images(release, 1, seed=5)
    with torch.no_grad():
        plain = model.generic(torch.from_numpy(nhwc))
        oracle = copy.deepcopy(model.generic).double()(torch.from_numpy(nhwc).double())
    image = nhwc if model.recognition is None else nhwc.transpose(0, 3, 1, 2)
    found = load(package).run({record.inputs[0].name: np.ascontiguousarray(image)})
    assert list(found) == [port.name for port in record.outputs]
    for port, single, exact in zip(record.outputs, plain, oracle, strict=True):
        floor = (single.double() - exact).abs().max().item()
        error = np.abs(found[port.name] - exact.numpy()).max()
        assert floor > 0 and error <= 10 * floor
        assert found[port.name].shape == port.shape == tuple(exact.shape)


@pytest.mark.parametrize("release", [*RELEASES, HAND])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_no_more_operations_than_the_file_has(release: str, precision: str, made: Any) -> None:
    """The same for all ten releases, in every face and precision."""
    family = converted(release).recognition
    for face in ["raw"] if family is None else ["raw", "app"]:
        record, package = made(release, face, precision)
        assert record.operation_count <= record.tflite_operators + 10
        assert not {"select", "greater_equal", "clip"} & set(record.operations)
        assert record.operations.get("cast", 0) <= (0 if precision == "fp32" else 3)
        graph = converted(release).graph
        slopes = sum(op.name == "PRELU" for op in graph.operators)
        assert record.operations.get("prelu", 0) == slopes
        pads = sum(op.name == "PAD" for op in graph.operators)
        assert record.operations.get("pad", 0) <= pads  # SAME's margins are the convolutions'
        stored = [
            op.type
            for function in specification(package).mlProgram.functions.values()
            for block in function.block_specializations.values()
            for op in block.operations
            if op.type != "const"
        ]
        assert len(stored) == record.operation_count == len(record.layers) > 50


def test_raw_names_units_and_shapes(made: Any) -> None:
    record, package = made("palm-lite-2021-11", "raw")
    assert [(p.name, p.kind, p.shape) for p in (*record.inputs, *record.outputs)] == [
        ("image", "tensor", (1, 3, 192, 192)),
        ("boxes", "tensor", (1, 2016, 18)),
        ("scores", "tensor", (1, 2016, 1)),
    ]
    assert record.name == "PalmLite_2021_11.mlpackage"
    description = specification(package).description
    assert list(description.input[0].type.multiArrayType.shape) == [1, 3, 192, 192]
    assert [list(o.type.multiArrayType.shape) for o in description.output] == [
        [1, 2016, 18],
        [1, 2016, 1],
    ]
    float32 = description.output[0].type.multiArrayType.ArrayDataType.Value("FLOAT32")
    for feature in (*description.input, *description.output):
        assert feature.type.multiArrayType.dataType == float32


def test_a_graph_of_no_family_keeps_its_names_and_layout(made: Any) -> None:
    record, _ = made("hand-recrop-2020-07", "raw")
    graph = converted("hand-recrop-2020-07").graph
    assert [p.name for p in record.outputs] == ["output_crop"]
    assert record.inputs[0].shape == graph.tensors[graph.inputs[0]].shape == (1, 256, 256, 3)
    for face in ("app", "batch"):
        with pytest.raises(ArtifactError, match="unknown family, so only the Core ML face raw"):
            export(converted("hand-recrop-2020-07"), Path("nowhere"), CoreMLOptions(face=face))
    assert not Path("nowhere").exists()


def test_app_detector_decodes_as_the_models_do(made: Any) -> None:
    """An image in; boxes, keypoints and scores out, equal to `models.decode` of the network's
    outputs for the same pixels.
    """
    model = converted(PALM)
    assert model.recognition is not None
    spec = model.recognition.spec
    assert isinstance(spec, PalmDetectorSpec) and spec.value_range == (-1.0, 1.0)
    record, package = made(PALM, "app")
    picture = pixels(spec.input_size, 1)
    found = load(package).run({"image": picture[0]})
    planes = torch.from_numpy(picture).permute(0, 3, 1, 2).double()
    with torch.no_grad():
        raw, logits = copy.deepcopy(model.module).double()(planes / 127.5 - 1)
    anchors = model.module.anchors
    assert isinstance(anchors, torch.Tensor)
    boxes, keypoints = decode_boxes(raw, anchors.double(), spec.input_size)
    expected = (boxes[0], keypoints[0], decode_scores(logits)[0])
    shapes = ((896, 4), (896, 7, 2), (896,))
    for port, value, shape in zip(record.outputs, expected, shapes, strict=True):
        assert found[port.name].shape == port.shape == shape
        # float32 costs this release 8e-4 of 550 pixels: 6e-6 of its 128 (scores: of a logit)
        assert np.abs(found[port.name] - value.numpy()).max() < 1e-4
    assert [p.name for p in record.outputs] == ["boxes", "keypoints", "scores"]


def test_app_detector_takes_an_image(made: Any) -> None:
    record, package = made(PALM, "app")
    feature = specification(package).description.input[0]
    assert feature.name == "image" and record.inputs[0].kind == "image"
    image = feature.type.imageType
    assert (image.width, image.height) == (128, 128)
    assert image.colorSpace == image.ColorSpace.Value("RGB")


def test_decoding_stays_in_float32(made: Any) -> None:
    """float16 holds 0..1 in steps of up to 0.0005: 0.09 pixels of a detector's input."""
    record, package = made("palm-lite-2021-11", "app", "fp16")
    program = load(package)
    types = {
        output.name: output.type.dtype
        for op in program.functions["main"].operations
        for output in op.outputs
    }
    assert all(types[port.name] == "FLOAT32" for port in record.outputs)
    assert record.operations["cast"] == 2  # in, and the rows of the heads
    assert program.precisions["FLOAT16"] > 100
    single, _ = made("palm-lite-2021-11", "app")
    assert record.weight_bytes < 0.6 * single.weight_bytes


def test_app_landmarks_one_region_or_four(made: Any) -> None:
    """One image, or 1 to 4 regions as a tensor: the same numbers as the module's."""
    model = converted(HAND)
    single, single_package = made(HAND, "app")
    batch, batch_package = made(HAND, "batch")
    assert (single.name, batch.name) == (
        "HandLite_2022.mlpackage",
        "HandLite_2022_Batch.mlpackage",
    )
    assert [(p.name, p.shape) for p in single.outputs] == [
        ("landmarks", (21, 3)),
        ("presence", (1,)),
        ("handedness", (1,)),
        ("world_landmarks", (21, 3)),
    ]
    assert [(p.name, p.kind, p.shape) for p in batch.inputs] == [
        ("images", "tensor", (1, 3, 224, 224))
    ]
    enumerated = specification(batch_package).description.input[0].type.multiArrayType
    sizes = {tuple(s.shape) for s in enumerated.enumeratedShapes.shapes}
    assert sizes == {(n, 3, 224, 224) for n in (1, 2, 3, 4)}
    pictures = pixels((224, 224), 4)
    planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).astype(np.float32)
    found = load(batch_package).run({"images": planes})
    predict = model.module.predict_on_batch
    assert callable(predict)
    expected = predict(torch.from_numpy(planes) / 255)
    one = load(single_package)
    for i, prediction in enumerate(expected):
        alone = one.run({"image": pictures[i]})
        for name, value in alone.items():
            reference = getattr(prediction, name).numpy()
            assert found[name].shape == (4, *(value.shape if value.size > 1 else ()))
            assert np.abs(value - reference.reshape(value.shape)).max() < 2e-5
            assert np.abs(found[name][i] - value.reshape(found[name][i].shape)).max() < 2e-5


def test_a_detector_takes_no_batch(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="only landmark models"):
        export(converted(PALM), tmp_path / "out", CoreMLOptions(face="batch"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("release", "face"), [(PALM, "app"), (HAND, "app"), (HAND, "raw")])
def test_a_package_says_what_it_is(release: str, face: str, made: Any) -> None:
    record, package = made(release, face)
    description = specification(package).description
    metadata = description.metadata
    assert metadata.author.startswith("Google (MediaPipe)") and metadata.license == "Apache-2.0"
    assert metadata.versionString == release and metadata.shortDescription
    assert [f.name for f in description.input] == [p.name for p in record.inputs]
    assert [f.name for f in description.output] == [p.name for p in record.outputs]
    assert all(f.shortDescription for f in (*description.input, *description.output))
    facts = dict(metadata.userDefined)
    model = converted(release)
    assert model.recognition is not None
    assert facts["blazepalm.source_sha256"] == model.graph.sha256
    # Xcode shows the metadata: the spec's own numbers; the blocks are noted in the program
    short = json.loads(facts["blazepalm.spec"])
    assert sum(map(len, facts.values())) < 1000
    assert short["input_size"] == list(model.recognition.spec.input_size)
    info = specification(package).mlProgram.attributes["buildInfo"]
    (note,) = info.immediateValue.dictionary.values
    key, text = (s.immediateValue.tensor.strings.values[0] for s in (note.key, note.value))
    assert key == "blazepalm.spec" and load(package).metadata[key] == text
    assert spec_from_dict(json.loads(text)) == model.recognition.spec
    assert short.items() <= json.loads(text).items()
    assert facts["blazepalm.face"] == face
    assert not [key for key in facts if "date" in key]


def test_the_record_lists_every_file(made: Any) -> None:
    import hashlib

    record, package = made(HAND, "app")
    found = {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if path.is_file()
    }
    assert len(found) == 3 and dict(record.files) == found
    assert json.dumps(record.to_dict())


def test_nothing_is_overwritten_or_left(made: Any, tmp_path: Path) -> None:
    _, package = made("hand-recrop-2020-07", "raw")
    before = {p: p.read_bytes() for p in package.rglob("*") if p.is_file()}
    with pytest.raises(ArtifactError, match="exists already"):
        export(
            converted("hand-recrop-2020-07"),
            package.parent,
            CoreMLOptions(face="raw", precision="fp32"),
        )
    assert {p: p.read_bytes() for p in package.rglob("*") if p.is_file()} == before
    assert [p.name for p in package.parent.iterdir()] == [package.name]


PROGRAM = """
import sys
from pathlib import Path
from blazepalm.converter.convert import module_of
from blazepalm.converter.coreml import CoreMLOptions, export
model = module_of(sys.argv[1], lambda notice: None)
options = CoreMLOptions(face="raw", precision="fp16", compress="palettize6")
export(model, Path(sys.argv[2]), options)
"""


@pytest.mark.parametrize("target", ["iOS15", "iOS16", "iOS17", "iOS18"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_target_is_written_and_executed(target: str, precision: str, tmp_path: Path) -> None:
    """Each system has the version that the Core ML specification assigns to it."""
    release = "hand-recrop-2020-07"
    options = CoreMLOptions(face="raw", precision=precision, target=target)
    record = export(converted(release), tmp_path, options)
    written = specification(tmp_path / record.name)
    assert written.specificationVersion == {"iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9}[target]
    (function,) = written.mlProgram.functions.values()
    assert function.opset == f"CoreML{written.specificationVersion - 1}"
    image = images(release, 1, seed=6)
    with torch.no_grad():
        (expected,) = converted(release).generic(torch.from_numpy(image))
    found = load(tmp_path / record.name).run({record.inputs[0].name: image})["output_crop"]
    allowed = 2e-5 if precision == "fp32" else 2e-2
    assert np.abs(found - expected.numpy()).max() <= allowed * np.abs(expected.numpy()).max()


def test_twice_in_one_process_gives_the_same_bytes(made: Any, tmp_path: Path) -> None:
    record, package = made(HAND, "app", "fp16")
    made(PALM, "app", "fp16")  # another one between
    again = export(converted(HAND), tmp_path, CoreMLOptions())
    assert again == record and record.files == again.files
    for name in record.files:
        assert (package / name).read_bytes() == (tmp_path / again.name / name).read_bytes()


def test_the_versions_of_tools_are_not_in_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another torch or coremltools that computes the same writes the same package; what they are
    stands in `conversion.json`.
    """
    import importlib.metadata

    import coremltools

    model = converted("hand-recrop-2020-07")
    options = CoreMLOptions(face="raw", precision="fp32")
    record = export(model, tmp_path / "one", options)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "98.76")
    monkeypatch.setattr(torch, "__version__", "98.76")
    monkeypatch.setattr(coremltools, "__version__", "98.76")
    again = export(model, tmp_path / "two", options)
    assert record == again and len(record.files) >= 2
    for name in record.files:
        content = (tmp_path / "two" / again.name / name).read_bytes()
        assert content == (tmp_path / "one" / record.name / name).read_bytes()
        assert b"98.76" not in content and b"torch==" not in content


def test_two_processes_write_the_same_bytes_and_no_word(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    running = {
        seed: subprocess.Popen(
            [sys.executable, "-c", PROGRAM, shared_model("hand-recrop-2020-07"), tmp_path / seed],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "4242")
    }
    trees = []
    for seed, process in running.items():
        out, err = process.communicate(timeout=300)
        assert (process.returncode, out, err) == (0, "", "")
        files = sorted(path for path in (tmp_path / seed).rglob("*") if path.is_file())
        trees.append({path.relative_to(tmp_path / seed): path.read_bytes() for path in files})
    assert trees[0] == trees[1] and len(trees[0]) == 3
    assert not [p.name for p in temporary.iterdir() if "torchinductor" not in p.name]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"face": "APP"}, "unknown Core ML face 'APP'; choose app, raw, batch or vision"),
        ({"precision": "bf16"}, "choose fp16 or fp32"),
        ({"target": "iOS4"}, "unknown Core ML target 'iOS4'"),
        ({"compress": "zip"}, "choose palettize8, palettize6 or int8"),
        ({"compress": "int8", "target": "iOS15"}, "needs iOS16"),
    ],
)
def test_options_are_checked(options: dict[str, str], words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        CoreMLOptions(**options)  # type: ignore[arg-type]


def test_identifiers() -> None:
    taken: set[str] = set()
    names = ["output_crop", "StatefulPartitionedCall:0", "1/x", "output crop", "…", "a" * 300]
    found = [identifier(name, taken) for name in names]
    assert found[:5] == ["output_crop", "StatefulPartitionedCall_0", "t_1_x", "output_crop_2",
                         "tensor"]  # fmt: skip
    assert len(found[5]) == 100 and len(taken) == 6


def test_a_port_is_plain_data() -> None:
    port = Port("image", "image", (1, 3, 8, 8), "uint8", "a picture")
    assert port == Port("image", "image", (1, 3, 8, 8), "uint8", "a picture")


@pytest.mark.parametrize(
    ("release", "kept"),
    [
        ("hand-2020-11", ["stem", "stage1", "stage2", "stage3", "stage4"]),  # stores float32
        ("hand-lite-2022", ["stem", "stage1", "stage2"]),  # stores float16; measured
    ],
)
def test_what_float16_harms_stays_float32(release: str, kept: list[str], made: Any) -> None:
    record, package = made(release, "raw", "fp16")
    stages = [f"backbone.{stage}" for stage in kept]
    assert [path for path in record.float32_modules if path != "heads"] == stages
    weights = {
        layer.module: layer.values
        for layer in record.layers
        if layer.operation == "conv" and layer.module.startswith("backbone.")
    }
    (function,) = specification(package).mlProgram.functions.values()
    (block,) = function.block_specializations.values()
    types = {o.name: o.type.tensorType.dataType for op in block.operations for o in op.outputs}
    float16, float32 = 10, 11  # MIL.proto's DataType
    found = {module: {types[value] for value in values} for module, values in weights.items()}
    assert len(found) > 20
    for module, dtypes in found.items():
        stage = ".".join(module.split(".")[:2])
        assert dtypes == {float32 if stage in stages else float16}, module
    assert record.operation_count <= record.tflite_operators + 10


@pytest.mark.parametrize("release", ["hand-lite-2022", "hand-full-2022"])
def test_the_early_blocks_of_an_unknown_network_stay_float32(release: str) -> None:
    """As many as a hundredth of the weights pays for, counted in the state_dict."""
    network = converted(release).module
    *early, heads = float32_parts(network)
    assert heads is network.get_submodule("heads")
    paths = [path for path, module in network.named_modules() if module in early]
    assert paths[:2] == ["backbone.stem", "backbone.stage1.block0"]
    sizes: dict[str, int] = {}
    for key, value in network.state_dict().items():
        stage = ".".join(key.split(".")[: 2 if key.startswith("backbone.stem") else 3])
        sizes[stage] = sizes.get(stage, 0) + value.numel()
    total, order = sum(sizes.values()), list(sizes)
    assert order[: len(paths)] == paths
    assert sum(sizes[p] for p in paths) <= total / 100
    assert sum(sizes[p] for p in order[: len(paths) + 1]) > total / 100


def test_an_unknown_detector_of_float32_weights_keeps_its_neck_in_float32() -> None:
    """The largest value in palm-2020-11's neck on photographs is 84 000; float16 ends at 65 504."""
    network = converted(PALM).module
    parts = float32_parts(network)
    assert network.get_submodule("neck") in parts and network.get_submodule("heads") in parts
    assert network.get_submodule("backbone.stem") not in parts


@pytest.mark.parametrize("release", [r.name for r in load_registry().releases if r.float32_modules])
def test_what_a_release_keeps_in_float32_is_in_its_network(release: str) -> None:
    network = converted(release).module
    known = by_name(release)
    assert isinstance(known, Release)
    chosen = known.float32_modules
    assert float32_parts(network, chosen) == [network.get_submodule(path) for path in chosen or ()]
    assert "heads" in (chosen or ())
