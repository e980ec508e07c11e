"""Every backend returns what LiteRT does for the file, under readable names, in one shape."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.converter.convert import module_of
from blazepalm.converter.evidence import Overrides
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import CouldNotVerify, InvalidModel
from blazepalm.models.release_registry import load_registry
from blazepalm.models.releases import defaults, resolve
from blazepalm.reports.backends import litert
from blazepalm.reports.hands.open_model import output_shapes
from blazepalm.reports.hands.open_models import detector_anchors, open_hand_models, open_model
from support.models import ROOT, shared_model
from support.rewritten import with_another_weight

SHAPES = {
    "palm-lite": {"boxes": (2016, 18), "scores": (2016, 1)},
    "hand-lite": {
        "landmarks": (63,),
        "presence": (1,),
        "handedness": (1,),
        "world_landmarks": (63,),
    },
}
FAMILIES = {"palm-lite": "palm", "hand-lite": "hand"}


def images(release: str, count: int) -> np.ndarray:
    side = {"palm-lite": 192, "hand-lite": 224}[release]
    return np.random.default_rng(7).uniform(0, 1, (count, side, side, 3)).astype(np.float32)


def by_litert(release: str, given: np.ndarray) -> list[list[np.ndarray]]:
    """The file's outputs of each image, in its own order and shapes, straight from LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(resolve(release)))
    interpreter.allocate_tensors()
    found = []
    for image in given:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        details = interpreter.get_output_details()
        found.append([interpreter.get_tensor(detail["index"]) for detail in details])
    return found


@pytest.mark.parametrize("release", FAMILIES)
def test_calls_in_turn_use_the_threads_of_all(
    release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One image has two threads, of two hands each has one; the bits are those of one thread."""
    opened = []
    plain = litert.open_litert

    def noted(*args: Any, threads: int, copies: int, **options: Any) -> litert.LiteRT:
        opened.append((threads, copies))
        return plain(*args, threads=threads, copies=copies, **options)

    monkeypatch.setattr(litert, "open_litert", noted)
    run = open_model(release, FAMILIES[release], "tflite", callers=2, in_turn=True).run
    assert opened == ([(2, 1)] if release == "palm-lite" else [(2, 1), (1, 2)])
    given = images(release, 3)
    opened.clear()
    single = open_model(release, FAMILIES[release], "tflite", in_turn=True).run
    assert opened == [(1, 1)], "a single caller has nothing to share"
    for some in (given[:1], given[1:]):
        found, expected = run(some), single(some)
        assert found.keys() == expected.keys()
        assert all(found[name].tobytes() == expected[name].tobytes() for name in found)


@pytest.mark.parametrize("release", FAMILIES)
@pytest.mark.parametrize("backend", ["tflite", "torch"])
def test_runners(release: str, backend: str) -> None:
    given = images(release, 3)
    opened = open_model(release, FAMILIES[release], backend)
    found = opened.run(given)
    assert opened.backend == backend and opened.name.startswith(release)
    assert {name: value.shape[1:] for name, value in found.items()} == SHAPES[release]
    order = {"palm-lite": ("boxes", "scores")}.get(
        release, ("landmarks", "presence", "handedness", "world_landmarks")
    )
    for i, expected in enumerate(by_litert(release, given)):
        for name, value in zip(order, expected, strict=True):
            assert found[name].dtype == np.float32
            tolerance = 0.0 if backend == "tflite" else 2e-5 * max(1.0, np.abs(value).max())
            np.testing.assert_allclose(found[name][i].ravel(), value.ravel(), 0, tolerance)


def test_core_ml_packages(tmp_path: Path) -> None:
    """A package made by `open_model`, and the same one read from disk."""
    import blazepalm
    from blazepalm.converter.coreml.options import CoreMLOptions

    given = images("hand-lite", 2)
    expected = np.concatenate([outputs[0] for outputs in by_litert("hand-lite", given)])
    opened = open_model("hand-lite", "hand", "coreml", precision="fp32")
    assert opened.backend == "coreml-mil"
    np.testing.assert_allclose(opened.run(given)["landmarks"], expected, 0, 5e-3)
    (folder,) = blazepalm.convert(
        "hand-lite", tmp_path / "raw", coreml=CoreMLOptions(face="raw", precision="fp32")
    )
    (package,) = folder.glob("*.mlpackage")
    again = open_model(package, "hand", "coreml")
    assert (again.name, again.spec, again.generation) == (
        opened.name,
        opened.spec,
        opened.generation,
    )
    np.testing.assert_array_equal(again.run(given)["presence"], opened.run(given)["presence"])
    with pytest.raises(InvalidModel, match="is a Core ML package; choose backend coreml"):
        open_model(package, "hand", "tflite")
    with pytest.raises(InvalidModel, match="is a hand landmark model, expected a palm detector"):
        open_model(package, "palm", "coreml")


def test_a_package_of_the_wrong_face(tmp_path: Path) -> None:
    import blazepalm

    (folder,) = blazepalm.convert("hand-lite", tmp_path / "app")
    (package,) = folder.glob("*.mlpackage")
    with pytest.raises(InvalidModel, match="has face app; the pipeline runs face raw"):
        open_model(package, "hand", "coreml")


def test_a_registered_backend_drives_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    file = open_model("palm-lite", "palm", "tflite")
    image = np.random.default_rng(5).random((1, 192, 192, 3), np.float32)
    for name in ("oracle", "coreml-mil"):
        opened = open_model("palm-lite", "palm", name)
        assert opened.backend == name
        for output, values in file.run(image).items():
            limit = 2e-5 * max(1.0, np.abs(values).max())
            np.testing.assert_allclose(opened.run(image)[output], values, rtol=0, atol=limit)
    with pytest.raises(CouldNotVerify, match="is part of macOS"):
        open_model("palm-lite", "palm", "coreml-all")


@pytest.mark.parametrize("backend", ["tflite", "torch"])
def test_rules_and_ranges_are_the_generations(backend: str) -> None:
    models = open_hand_models(
        shared_model("palm-2020-11"), shared_model("hand-2020-05"), backend, notice=pytest.fail
    )
    assert models.detector_spec.value_range == (-1.0, 1.0)  # releases.md
    assert models.anchors.shape == (896, 4)
    assert models.palm_rule.target_degrees == 90.0
    assert models.landmarks_spec.input_size == (256, 256)
    assert models.tracking_rule.scale == (2.1, 2.1)


def test_the_region_rule_is_of_the_generation_chosen_at_conversion(tmp_path: Path) -> None:
    """hand-2019-08 scales its region by 1.6, the newest by 2.0 (releases.toml): in memory, in the
    converted folder, and in its package.
    """
    import blazepalm
    from blazepalm.converter.coreml.options import CoreMLOptions
    from blazepalm.models.runners import torch_models

    chosen = load_registry().generations["hand-2019-08"]
    overrides = Overrides(generations=(chosen.name,))
    notices: list[str] = []
    assert chosen.roi != defaults("hand").roi
    converted = module_of("hand-lite", notices.append, overrides)
    for backend in ("torch", "tflite", "coreml"):
        opened = open_model(converted, "hand", backend, notice=pytest.fail)
        assert opened.generation == chosen, backend
        assert opened.spec.value_range == chosen.value_range, backend
    (folder,) = blazepalm.convert(
        "hand-lite", tmp_path / "hand", overrides=overrides, coreml=CoreMLOptions(face="raw")
    )
    (package,) = folder.glob("*.mlpackage")
    assert open_model(package, "hand", "coreml", notice=pytest.fail).generation == chosen
    assert json.loads((folder / "conversion.json").read_text())["spec"]["generation"] == chosen.name
    landmarks = blazepalm.load(folder)
    models = torch_models(module_of("palm-lite").module, landmarks)  # type: ignore[arg-type]
    assert (models.palm_rule, models.tracking_rule) == (defaults("palm").roi, chosen.roi)


def test_a_package_of_no_known_generation(tmp_path: Path) -> None:
    from blazepalm.converter.coreml import CoreMLOptions, export

    converted = module_of("hand-lite")
    assert converted.recognition is not None
    spec = replace(converted.recognition.spec, generation="hand-2099")
    changed = replace(converted, recognition=replace(converted.recognition, spec=spec))
    export(changed, tmp_path, CoreMLOptions(face="raw"))
    (package,) = tmp_path.glob("*.mlpackage")
    with pytest.raises(InvalidModel, match="unknown hand generation 'hand-2099'; choose hand-20"):
        open_model(package, "hand", "coreml")


def test_an_unknown_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(with_another_weight(resolve("palm-lite").read_bytes()))
    notices: list[str] = []
    opened = open_model(path, "palm", "tflite", notice=notices.append)
    assert opened.name == "mine"
    assert len(notices) == 1 and "not a known release" in notices[0] and str(path) in notices[0]


@pytest.mark.parametrize("backend", ["tflite", "torch"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_no_absence_of_hands(backend: str, wrong: float) -> None:
    opened = open_model("palm-lite", "palm", backend)
    damaged = replace(opened, run=lambda given: {**opened.run(given), "scores": np.array([wrong])})
    with pytest.raises(InvalidModel, match=r"palm-lite-2021-11 gives numbers .* \(scores\): its w"):
        damaged.run(images("palm-lite", 1))


def test_damaged_weights_are_told_by_the_backend_that_does_not_read_them(tmp_path: Path) -> None:
    """LiteRT computes NaN from them without a word."""
    content = bytearray(resolve("palm-lite").read_bytes())
    kernel = next(
        tensor.content
        for tensor in read_bytes(bytes(content), "").stored.tensors  # type: ignore[union-attr]
        if tensor.dtype == "float16" and len(tensor.shape) == 4 and tensor.content is not None
    ).tobytes()
    at = content.index(kernel)
    content[at : at + 2] = np.float16(np.nan).tobytes()
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    opened = open_model(path, "palm", "tflite", notice=lambda note: None)
    with pytest.raises(InvalidModel, match=r"damaged gives numbers .* \(boxes, scores\): its w"):
        opened.run(images("palm-lite", 1))


def test_one_in_memory() -> None:
    converted = module_of("palm-lite")
    torch, tflite = (open_model(converted, "palm", backend) for backend in ("torch", "tflite"))
    assert torch.spec == tflite.spec == open_model("palm-lite", "palm", "tflite").spec
    assert torch.name == tflite.name == "palm-lite-2021-11"


def test_models_of_another_family() -> None:
    for backend in ("torch", "tflite"):
        with pytest.raises(InvalidModel, match="palm-lite: is a palm detector, expected a hand"):
            open_model("palm-lite", "hand", backend)
    with pytest.raises(CouldNotVerify, match="unknown backend 'onnx'; choose "):
        open_model("palm-lite", "palm", "onnx")


def test_anchors_and_shapes() -> None:
    spec = open_model("palm-lite", "palm", "tflite").spec
    anchors = detector_anchors(spec)  # type: ignore[arg-type]
    assert anchors.shape == (2016, 4)
    np.testing.assert_allclose(anchors[0], [0.5 / 24, 0.5 / 24, 1, 1], 1e-6)
    assert output_shapes(spec) == SHAPES["palm-lite"]


def test_tflite_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from blazepalm.models.hand_pipeline import HandPipeline\n"
        "from blazepalm.reports.hands.open_models import open_hand_models\n"
        "import numpy as np\n"
        "models = open_hand_models('palm-lite', 'hand-lite', 'tflite')\n"
        "print(HandPipeline(models)(np.zeros((40, 60, 3), np.uint8)))\n"
        "print([name for name in ('torch', 'coremltools', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "()\n[]\n"
