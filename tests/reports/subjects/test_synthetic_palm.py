"""The palm-2019-08-like model, end to end: NumPy, oracle, readable module and LiteRT give the
same. NumPy is the witness; it shares no code with the other three.
"""

import numpy as np
import pytest

from blazepalm.converter.convert import convert_graph
from blazepalm.converter.converted import Converted
from blazepalm.converter.tflite import read_bytes
from blazepalm.reports.backends import torch_generic, torch_readable
from blazepalm.reports.backends.backend import Opening, output_names
from blazepalm.reports.backends.litert_rewrite import without_custom_operators
from blazepalm.reports.compare.rows import PASS
from blazepalm.reports.parity import parity
from blazepalm.reports.subjects.open_subject import open_backends
from support.synthetic import ANCHORS, SyntheticPalm, synthetic_palm

VARIANTS = [
    {"activation": activation, "transposed_kernel": kernel, "stem_kernel": stem}
    for activation, kernel, stem in (("PRELU", 2, 5), ("RELU", 3, 3), ("PRELU", 3, 5))
]


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def palm(request: pytest.FixtureRequest) -> SyntheticPalm:
    return synthetic_palm(**request.param)


@pytest.fixture(scope="module")
def converted(palm: SyntheticPalm) -> Converted:
    return convert_graph(read_bytes(palm.content, "synthetic.tflite"), lambda message: None)


def image(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (1, 256, 256, 3)).astype(np.float32)


def largest_error(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    assert found.keys() == expected.keys() and expected
    for name, values in expected.items():
        assert found[name].shape == values.shape and np.ptp(values) > 1
    return max(float(np.abs(found[name] - expected[name]).max()) for name in expected)


def test_numpy_gives_the_shapes_of_palm_2019_08(palm: SyntheticPalm) -> None:
    expected = palm.evaluate(image(0))
    assert expected["regressors"].shape == (1, ANCHORS, 18) == (1, 2944, 18)
    assert expected["classificators"].shape == (1, 2944, 1)


def test_the_oracle_is_numpy(palm: SyntheticPalm, converted: Converted) -> None:
    backend = torch_generic.oracle(converted.generic, output_names(converted.graph))
    assert largest_error(backend.run(image(1)), palm.evaluate(image(1))) < 1e-10


def test_the_readable_module_is_numpy_within_float32(
    palm: SyntheticPalm, converted: Converted
) -> None:
    assert converted.recognition is not None and converted.recognition.family == "palm"
    assert converted.outputs == ("boxes", "scores")
    backend = torch_readable.readable(
        converted.module, output_names(converted.graph), converted.outputs
    )
    expected = palm.evaluate(image(2))
    peak = max(float(np.abs(values).max()) for values in expected.values())
    assert largest_error(backend.run(image(2)), expected) < 2e-6 * peak


def test_litert_on_the_rewritten_copy_is_numpy_within_float32(
    palm: SyntheticPalm, converted: Converted
) -> None:
    rewritten = without_custom_operators(palm.content, "synthetic.tflite")
    assert rewritten.note is not None and "2 custom operators" in rewritten.note
    backends = open_backends(Opening(converted, rewritten.content)).backends
    expected = palm.evaluate(image(3))
    peak = max(float(np.abs(values).max()) for values in expected.values())
    for name in ("tflite", "tflite-ref"):
        assert largest_error(backends[name].run(image(3)), expected) < 2e-6 * peak


def test_parity_holds_and_says_that_litert_ran_a_copy(
    palm: SyntheticPalm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("palm") / "renamed.tflite"
    file.write_bytes(palm.content)
    report = parity(file, noise=2, layers=True)
    (model,) = report.models
    assert report.passed and model.family == "palm" and model.release is None
    judged = [row for row in report.rows if row.judged]
    assert {row.backend for row in judged} == {"torch", "coreml-mil"}
    assert all(row.status == PASS for row in judged) and len(judged) == 10
    assert model.layers is not None and set(model.layers.culprits.values()) == {None}
    assert any("TRANSPOSE_CONV" in note for note in model.notes)
