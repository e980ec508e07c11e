"""The same network, written in other ways, is still recognised: real releases that are decomposed
here, and other people's files.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from blazepalm.converter import proof
from blazepalm.converter.architecture import recognise
from blazepalm.converter.convert import convert_graph
from blazepalm.converter.converted import Converted
from blazepalm.converter.normal_form import normalise
from blazepalm.converter.tflite import read, read_bytes
from blazepalm.converter.tflite.graph import Rewrite
from blazepalm.errors import WeightTransferError
from support import decompose
from support.compare import Case, run_litert
from support.converted import converted
from support.decompose import Rewriter
from support.models import SHARED, models_folder, shared_model
from support.recognised import shape_of, weights_of

WAYS: dict[str, tuple[Callable[[Rewriter], int], str, str]] = {
    # release, how it is written, the rewrite that must undo it
    "relus": (decompose.prelu_as_relus, "palm-lite-2021-11", "PRELU fused"),
    "quotient": (decompose.logistic_as_quotient, "hand-3d-2019-08", "LOGISTIC fused"),
    "quotients": (decompose.logistic_as_quotient, "hand-full-2022", "LOGISTIC fused"),
    "sums": (decompose.relu_into_add, "hand-2020-05", "activation split off"),
    "abs": (decompose.prelu_as_abs, "palm-lite-2021-11", "PRELU fused"),
    "apart": (decompose.activations_apart, "hand-full-2022", "activation carried"),
    "sum": (partial(decompose.mean_otherwise, way="sum"), "hand-full-2022", "sum divided"),
    "kept": (decompose.mean_keeps_dimensions, "hand-sparse-2021-02", "kept dimensions dropped"),
}


def convert(content: bytes) -> Converted:
    return convert_graph(read_bytes(content, "rewritten.tflite"), lambda message: None)


@pytest.mark.parametrize("way", WAYS)
def test_a_release_written_otherwise(way: str) -> None:
    """Class, spec and every weight are the release's; LiteRT computes the same from the rewritten
    file.
    """
    apart, release, rewrite = WAYS[way]
    file = Rewriter(shared_model(release).read_bytes())
    assert apart(file) > 0
    content = file.build()
    found, expected = convert(content), converted(release)
    assert type(found.module) is type(expected.module)
    assert found.recognition is not None and expected.recognition is not None
    generation = expected.recognition.spec
    assert found.recognition.spec.backbone == generation.backbone
    assert found.recognition.spec.neck == generation.neck
    assert found.outputs == expected.outputs
    mine, theirs = found.module.state_dict(), expected.module.state_dict()
    assert list(mine) == list(theirs)
    assert all(torch.equal(mine[key], value) for key, value in theirs.items())
    assert rewrite in {r.name for r in found.preserved.rewrites}
    sources = {row.key: row.source_sha256 for row in found.tensor_map}
    assert sources == {row.key: row.source_sha256 for row in expected.tensor_map}
    if rewrite not in ("LOGISTIC fused", "sum divided"):
        assert found.preserved.bitwise
    else:
        assert found.preserved.bitwise or 0 < found.preserved.largest <= 1
    nhwc = np.random.default_rng(3).uniform(0, 1, (1, *_size(found), 3)).astype(np.float32)
    litert = run_litert(Case(content, (nhwc.shape,)), [nhwc], reference=False)
    with torch.no_grad():
        values = found.module(torch.from_numpy(nhwc).permute(0, 3, 1, 2).contiguous())
        exact = found.generic.double()(torch.from_numpy(nhwc).double())
    assert len(litert) == len(exact) == len(found.outputs)
    for name, reference, truth in zip(found.outputs, litert, exact, strict=True):
        floor = np.abs(reference - truth.numpy()).max()  # what float32 costs LiteRT
        peak = float(truth.abs().max())
        apart_from = np.abs(getattr(values, name).numpy() - truth.numpy()).max()
        assert apart_from <= 4 * max(floor, peak * 2.0**-24)


MORE_WAYS: dict[str, tuple[Callable[[Rewriter], int], str, str]] = {
    "extremes": (decompose.prelu_as_extremes, "palm-lite-2021-11", "PRELU fused"),
    "difference": (decompose.prelu_as_difference, "palm-lite-2021-11", "PRELU fused"),
    "carried": (decompose.activations_carried, "hand-2020-05", "activation split off"),
    "relu": (decompose.relus_as_extremes, "hand-2020-05", "RELU fused"),
    "groups": (decompose.depthwise_as_groups, "hand-lite-2022", "depthwise convolution"),
    "zeros": (decompose.channels_by_concatenation, "palm-lite-2021-11", "channels of zeros"),
    "repeated": (decompose.without_repeated_relu, "hand-2020-05", ""),
    "pool": (partial(decompose.mean_otherwise, way="pool"), "hand-lite-2022", "mean of the map"),
    "twice": (partial(decompose.mean_otherwise, way="twice"), "hand-lite-2022", "means joined"),
    "pixels": (
        partial(decompose.mean_otherwise, way="pixels"),
        "hand-lite-2022",
        "mean of the pixels",
    ),
    "added": (partial(decompose.linear_otherwise, way="sum"), "hand-lite-2022", "bias joined"),
    "convolved": (
        partial(decompose.linear_otherwise, way="convolution"),
        "hand-2020-11",
        "linear layer flattened",
    ),
    "squeezed": (decompose.reshape_as_squeeze, "hand-2020-05", "reshape by another name"),
    "padded": (decompose.padding_apart, "hand-lite-2022", ""),
}


@pytest.mark.parametrize("way", MORE_WAYS)
def test_more_ways_have_the_same_structure(way: str) -> None:
    """Compares the spec, and each module's weights by their digests. (`tests/converter/normal_form`
    proves the values.)
    """
    apart, release, rewrite = MORE_WAYS[way]
    original = shared_model(release)
    file = Rewriter(original.read_bytes())
    assert apart(file) > 0
    found, expected = recognise(read_bytes(file.build(), way)), recognise(read(original))
    assert found is not None and expected is not None
    assert shape_of(found.spec) == shape_of(expected.spec)
    assert found.outputs == expected.outputs
    assert weights_of(found) == weights_of(expected)
    assert not rewrite or rewrite in {r.name for r in found.normal.rewrites}


def test_a_maximum_in_place_of_prelu_is_kept_where_a_slope_is_above_1() -> None:
    """The file then computes something other than the release, and so must the module. Slopes of
    hand-3d go up to 1.70.
    """
    file = Rewriter(shared_model("hand-3d-2019-08").read_bytes())
    assert decompose.prelu_as_maximum(file) == 1
    found, release = convert(file.build()), converted("hand-3d-2019-08")
    assert type(found.module).__name__ == "HandLandmarks"
    assert found.preserved.bitwise
    mine, theirs = found.module.state_dict(), release.module.state_dict()
    assert list(mine) == list(theirs)
    assert all(torch.equal(mine[k].reshape(v.shape), v) for k, v in theirs.items())
    slopes = mine["backbone.stem.activation.weight"]
    assert slopes.shape == (1, 24, 1, 1) and slopes.max() > 1
    assert found.recognition is not None
    assert found.recognition.spec.backbone.stem.activation == "maximum"


def _size(model: Converted) -> tuple[int, int]:
    assert model.recognition is not None
    return model.recognition.spec.input_size


@pytest.mark.parametrize("release", SHARED.values())
def test_known_releases_hold_their_form(release: str) -> None:
    """Graphs in normal form are not touched, except the MEAN of hand-sparse-2021-02, and
    hand-2020-05, where operator 129 is the RELU of a RELU.
    """
    graph = read(shared_model(release))
    normal = normalise(graph)
    if release == "hand-sparse-2021-02":
        names = [rewrite.name for rewrite in normal.rewrites]
        assert names == ["kept dimensions dropped", "reshape that changes nothing"]
    elif release == "hand-2020-05":
        assert normal.rewrites == (Rewrite("activation repeated", (129,)),)
    else:
        assert normal is graph


def test_a_rewrite_that_is_wrong_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a slope instead of the slope moves the outputs, and the proof says so."""
    from blazepalm.converter.normal_form import prelu

    file = Rewriter(shared_model("palm-lite-2021-11").read_bytes())
    decompose.prelu_as_relus(file)
    right = prelu._sum

    def wrong(*arguments: object) -> object:
        part = right(*arguments)  # type: ignore[arg-type]
        return part and prelu.Part(part.x, part.factor / 2, part.slope)

    monkeypatch.setattr(prelu, "_sum", wrong)
    with pytest.raises(WeightTransferError, match="differs from the graph's by .* in float64"):
        convert(file.build())


def test_the_float64_bound_is_a_millionth() -> None:
    assert proof.FLOAT64_SHARE == 2.0**-29 * 2.0**9


# other people's files ---------------------------------------------------------------------

# file → class, outputs in the file's order, rewrites that must have been made
FILES = {
    "asus4_palm_detection_builtin_256_float16_quant.tflite": (
        "PalmDetector",
        ("scores", "boxes"),
        {"activation split off", "bias joined", "padding named"},
    ),
    "hand-full_0_float16.tflite": ("HandLandmarks", None, set()),
    "palm-full_0_full_integer_quant.tflite": (
        "PalmDetector",
        ("scores", "boxes"),
        {"transpose sunk", "transposes merged", "PRELU fused", "depthwise convolution"},
    ),
    "dummy_hand_landmarker__dummy_hand_detector.tflite": (
        "LoweredGraph",
        ("StatefulPartitionedCall:1", "StatefulPartitionedCall:0"),
        {"shape arithmetic folded"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_other_peoples_files(name: str) -> None:
    folder = Path(os.environ.get("BLAZEPALM_FILES", models_folder().parent / "files"))
    if not (folder / name).is_file():
        pytest.skip(f"no {name} in {folder}: set BLAZEPALM_FILES to the folder of files")
    kind, outputs, rewrites = FILES[name]
    found = convert_graph(read(folder / name), lambda message: None)
    assert type(found.module).__name__ == kind
    assert outputs is None or found.outputs == outputs
    assert {r.name for r in found.preserved.rewrites} == rewrites
    assert found.preserved.bitwise
