"""What a face adds to the network: pixels through the image input give the same as the tensor path,
and decoded outputs are the decoded raw ones. By default one release of each value range;
BLAZEPALM_EVERY_RELEASE=1 takes all.
"""

import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blazepalm.converter.coreml import CoreMLOptions, export
from blazepalm.converter.coreml.faces import JoinedHead, PairedHead, face_module, head_rows
from blazepalm.models.decode import decode_boxes, decode_scores
from blazepalm.models.palm_detector import PalmDetector, PalmHead
from blazepalm.models.spec import ConvSpec, PalmDetectorSpec, PalmHeadSpec, Spec
from blazepalm.reports.backends.mil import load
from support.converted import converted
from support.models import HANDS, PALMS

EVERY = bool(os.environ.get("BLAZEPALM_EVERY_RELEASE"))
RELEASES = [*PALMS, *HANDS] if EVERY else ["palm-2020-11", "palm-lite-2021-11", "hand-lite-2022"]
EPS32 = float(np.finfo(np.float32).eps)
ROUNDINGS = 8  # of float32, of the largest value

Made = Any  # (release, face, precision) → the package's path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    @cache
    def make(release: str, face: str, precision: str = "fp32") -> Path:
        folder = tmp_path_factory.mktemp("packages")
        options = CoreMLOptions(face=face, precision=precision)
        return folder / export(converted(release), folder, options).name

    return make


def spec_of(release: str) -> Spec:
    recognition = converted(release).recognition
    assert recognition is not None
    return recognition.spec


def picture_for(spec: Spec, seed: int = 4) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.integers(0, 256, (*spec.input_size, 3), dtype=np.uint8)


def in_range(picture: np.ndarray, spec: Spec) -> np.ndarray:
    """H×W×3 pixels → (1, 3, H, W) in the value range, by its definition, in float64."""
    low, high = spec.value_range
    planes = picture.transpose(2, 0, 1)[None].astype(np.float64)
    scaled: np.ndarray = (planes * ((high - low) / 255) + low).astype(np.float32)
    return scaled


def decoded(release: str, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Raw outputs as `app` gives them, by `models.decode` or by their definition."""
    spec = spec_of(release)
    if isinstance(spec, PalmDetectorSpec):
        anchors = converted(release).module.anchors
        assert isinstance(anchors, torch.Tensor)
        boxes, keypoints = decode_boxes(torch.from_numpy(raw["boxes"]), anchors, spec.input_size)
        scores = decode_scores(torch.from_numpy(raw["scores"]))
        values = {"boxes": boxes, "keypoints": keypoints, "scores": scores}
        return {name: value[0].numpy() for name, value in values.items()}
    height, width = spec.input_size
    size = np.array([width, height, width * spec.z_scale])
    points = {n: v.reshape(21, 3) for n, v in raw.items() if v.size > 1}
    points["landmarks"] = points["landmarks"] / size
    return {n: points[n] if n in points else value.reshape(1) for n, value in raw.items()}


def near(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], allowed: float) -> None:
    assert list(found) == list(expected) and found
    for name, value in expected.items():
        scale = max(1.0, float(np.abs(value).max()))
        assert found[name].shape == value.shape
        assert np.abs(found[name].astype(np.float64) - value).max() <= allowed * scale, name


@pytest.mark.parametrize("release", RELEASES)
def test_app_is_raw_decoded(release: str, made: Made) -> None:
    """Both get the same planes; only the decoding, and a joined head, may round differently."""
    spec = spec_of(release)
    picture = picture_for(spec)
    face = face_module(converted(release), "app")
    pixels = face.get_submodule("pixels")
    planes = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
    raw = load(made(release, "raw")).run({"image": pixels(planes).numpy()})
    found = load(made(release, "app")).run({"image": picture})
    near(found, decoded(release, raw), ROUNDINGS * EPS32)


@pytest.mark.parametrize("release", RELEASES)
def test_pixels_give_what_the_tensor_path_gives(release: str, made: Made) -> None:
    """The value range is inside the package, and correct: −1..1 for palm-2020-11."""
    spec = spec_of(release)
    picture = picture_for(spec)
    raw = load(made(release, "raw")).run({"image": in_range(picture, spec)})
    found = load(made(release, "app")).run({"image": picture})
    near(found, decoded(release, raw), 2e-5)
    wrong = load(made(release, "raw")).run({"image": in_range(picture, spec) * 0.9})
    with pytest.raises(AssertionError):
        near(found, decoded(release, wrong), 2e-5)


def test_both_value_ranges_are_tried() -> None:
    assert {spec_of(release).value_range for release in RELEASES} == {(0.0, 1.0), (-1.0, 1.0)}


@pytest.mark.parametrize("release", ["palm-2020-11", "hand-lite-2022"])
def test_a_package_that_wants_bgr_gets_it(release: str, made: Made, tmp_path: Path) -> None:
    """With the colour layout of the description changed, the same program gets the planes in the
    other order: a picture in RGB is then what its channel-reversed copy in BGR was before.
    """
    from coremltools.proto import Model_pb2

    package = made(release, "app")
    changed = tmp_path / package.name
    shutil.copytree(package, changed)
    file = changed / "Data/com.apple.CoreML/model.mlmodel"
    message = Model_pb2.Model()
    message.ParseFromString(file.read_bytes())
    image = message.description.input[0].type.imageType
    assert image.colorSpace == image.ColorSpace.Value("RGB")
    image.colorSpace = image.ColorSpace.Value("BGR")
    file.write_bytes(message.SerializeToString())
    picture = picture_for(spec_of(release))
    expected = load(package).run({"image": picture})
    found = load(changed).run({"image": np.ascontiguousarray(picture[..., ::-1])})
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert not np.array_equal(load(changed).run({"image": picture})["scores" if "palm" in release
                              else "landmarks"], next(iter(expected.values())))  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_float16_is_near(release: str, made: Made) -> None:
    """Noise is far from the networks' training data; parity covers images of hands."""
    picture = picture_for(spec_of(release))
    single = load(made(release, "app")).run({"image": picture})
    half = load(made(release, "app", "fp16")).run({"image": picture})
    near(half, single, 0.05)
    assert any(not np.array_equal(half[name], value) for name, value in single.items())


def head_and_spec(scores_kernel: int) -> tuple[PalmHead, PalmHeadSpec]:
    torch.manual_seed(0)
    convs = [
        ConvSpec(8, channels, (k, k), padding=(k // 2,) * 4)  # type: ignore[arg-type]
        for channels, k in ((2 * 18, 1), (2, scores_kernel))
    ]
    spec = PalmHeadSpec(0, (4, 5), 2, boxes=convs[0], scores=convs[1])
    return PalmHead(spec, 18), spec


@pytest.mark.parametrize("scores_kernel", [1, 3])
def test_rows_of_a_head_are_boxes_beside_scores(scores_kernel: int) -> None:
    """Boxes and scores come from one convolution if both layers are alike, else from two."""
    head, spec = head_and_spec(scores_kernel)
    rows = JoinedHead(head, spec) if scores_kernel == 1 else PairedHead(head)
    x = torch.randn(1, 8, 4, 5)
    with torch.no_grad():
        boxes, scores = head(x)
        found = rows(x)
    assert found.shape == (4 * 5 * 2, 19)
    assert torch.allclose(found[:, :18], boxes[0], atol=1e-6)
    assert torch.allclose(found[:, 18:], scores[0], atol=1e-6)


def test_detectors_of_unlike_heads_are_not_joined() -> None:
    assert isinstance(head_rows(*head_and_spec(1)), JoinedHead)
    assert isinstance(head_rows(*head_and_spec(3)), PairedHead)


def test_the_network_is_not_changed_by_its_faces() -> None:
    """A face shares the network's weights and adds no key to them."""
    network = converted("palm-lite-2021-11").module
    assert isinstance(network, PalmDetector)
    before = {key: value.data_ptr() for key, value in network.state_dict().items()}
    face_module(converted("palm-lite-2021-11"), "app")
    assert {key: value.data_ptr() for key, value in network.state_dict().items()} == before
