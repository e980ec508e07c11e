"""Gestures: MediaPipe 1.2.3's GestureRecognizer on the golden pictures (recorded) and in rendered
scenes (asked now, where it is installed); the steps on paper; the modules against LiteRT.
"""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blazepalm.errors import InvalidModel
from blazepalm.models.gesture_pipeline import (
    Classifier,
    Gesture,
    GestureModels,
    about_wrist,
    gesture_inputs,
    in_aspect,
    winner,
)
from blazepalm.models.gesture_spec import (
    DenseSpec,
    GestureClassifierSpec,
    GestureEmbedderSpec,
    GestureSpec,
    gesture_spec_from_dict,
    gesture_spec_to_dict,
)
from blazepalm.models.gestures import GestureClassifier, GestureEmbedder, gesture_module
from blazepalm.reports.hands.gestures import open_gestures
from blazepalm.reports.hands.hand_finder import HandFinder
from support.hand_scenes import SCENES, rendered
from support.mediapipe_live import bundle, gestures_by_mediapipe
from support.models import shared_file, shared_model

FACTS = Path(__file__).parents[1] / "support" / "mediapipe_gestures.json"
BUNDLE = "official_hand_gesture_recognizer_prefix3_1b47ac4a.task"
# Of a probability, whose slope in a logit is at most 1/4. Its sums of 128 float32 products, in
# another order on another processor, differ by some 2⁻²⁴ · √128 of their size, a logit of 10 or so
# by 7e-6 a layer. Here LiteRT gives MediaPipe's bits, torch differs by 4e-7.
SAME = 1e-5
F = np.float32


@pytest.mark.parametrize("backend", ["tflite", "torch"])
def test_the_golden_pictures(backend: str) -> None:
    """MediaPipe's own landmarks in, its gesture and score out."""
    models = open_gestures(shared_file(BUNDLE), backend)
    images = json.loads(FACTS.read_text(encoding="utf-8"))["images"]
    names, compared = set(), 0
    for name, case in images.items():
        for hand in case["hands"]:
            found = models(np.array(hand["landmarks"], F), tuple(case["size"]))
            assert found.name == hand["gesture"], name
            assert abs(found.score - hand["score"]) < SAME, name
            names.add(found.name)
            compared += 1
    assert compared == 51 and len(names) == 6


def test_mediapipe_itself(tmp_path: Path) -> None:
    """From the picture: landmarks by the rule `tasks`, then the gesture."""
    gestures = shared_file(BUNDLE)
    whole = tmp_path / "gesture_recognizer.task"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("hand_landmarker.task", bundle().read_bytes())
        archive.writestr("hand_gesture_recognizer.task", gestures.read_bytes())
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in SCENES:
        Image.fromarray(rendered(name).image).save(pictures / f"{name}.png")
    finder, compared = HandFinder(whole, backend="tflite", max_hands=2, gestures=True), 0
    for name, truth in gestures_by_mediapipe(whole, pictures).items():
        hands = finder(rendered(name).image)
        assert len(hands) == len(truth["hands"]), name
        for hand, expected in zip(hands, truth["hands"], strict=True):
            assert hand.gesture is not None
            assert hand.gesture.name == expected["gesture"], name
            assert abs(hand.gesture.score - expected["score"]) < SAME, name
            compared += 1
    assert compared >= 8


def test_a_picture_is_brought_to_its_aspect() -> None:
    """In a picture of 100×200 pixels, y keeps half of its distance from the middle."""
    points = np.array([[0.25, 0.1, 7.0], [1.0, 0.9, 0.0]], F)
    expected = [[0.25, 0.3, 7.0], [1.0, 0.7, 0.0]]
    np.testing.assert_allclose(in_aspect(points, (100, 200)), expected, rtol=1e-6)


def test_landmarks_about_the_wrist() -> None:
    """Width 0.2, height 0.5: divided by 0.50001, z too."""
    points = np.array([[0.5, 0.5, 0.25], [0.7, 0.5, 0.0], [0.6, 1.0, 0.5]], F)
    expected = np.array([[0, 0, 0], [0.2, 0, -0.25], [0.1, 0.5, 0.25]]) / 0.50001
    np.testing.assert_allclose(about_wrist(points), expected, atol=1e-6)


def test_the_side_is_the_probability_of_a_left_hand() -> None:
    points = np.eye(3, dtype=F)
    assert gesture_inputs(points, (9, 9), F(0.75)).handedness.tolist() == [[0.25]]
    assert gesture_inputs(points, (9, 9)).world_landmarks.tolist() == np.zeros((1, 3, 3)).tolist()


def test_ones_own_gestures_come_first() -> None:
    """The first classifier with a gesture wins; without any, the first one's "None"."""

    def classifier(first: float, *labels: str) -> Classifier:
        return Classifier(lambda vector: np.array([first, 1 - first], F), labels)

    own, canned = ("None", "wave"), ("None", "Victory")
    points = np.eye(3, dtype=F)
    for chances, expected in (
        ((0.25, 0.25), Gesture("wave", 0.75)),
        ((0.75, 0.25), Gesture("Victory", 0.75)),
        ((0.75, 0.875), Gesture("None", 0.75)),
    ):
        pair = (classifier(chances[0], *own), classifier(chances[1], *canned))
        models = GestureModels(lambda inputs: points[0], pair)
        assert models(points, (9, 9)) == expected
    assert winner(np.array([0.5, 0.5], F), own).name == "None"


EMBEDDER = GestureEmbedderSpec(5, (0, 2), hidden=7, width=6, blocks=2, embedding=4)
LAYERS = (DenseSpec("scale", 4, "relu"), DenseSpec("linear", 9, "relu6"), DenseSpec("linear", 3))
CLASSIFIER = GestureClassifierSpec(4, LAYERS, ("None", "a", "b"))


@pytest.mark.parametrize("spec", [EMBEDDER, CLASSIFIER])
def test_a_spec_is_plain_values(spec: GestureSpec) -> None:
    assert gesture_spec_from_dict(json.loads(json.dumps(gesture_spec_to_dict(spec)))) == spec


def test_the_embedder_knows_no_place_and_no_size() -> None:
    """Moved and enlarged landmarks give the same vector, but for rounding."""
    torch.manual_seed(0)
    network = gesture_module(EMBEDDER).eval()
    points = torch.rand(3, 5, 3) + 1
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name != "normalise.epsilon.weight":
                weight.copy_(torch.randn(weight.shape))
        one, other = network(points), network(points * 4 + 2)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert one.shape == (3, 4) and (one > 0).any()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replace(EMBEDDER, origin=(5,)), "spec.origin is"),
        (replace(EMBEDDER, width=1 << 20), "the spec's matrices"),
        (replace(EMBEDDER, blocks=-1), "spec.blocks: -1"),
        (replace(CLASSIFIER, labels=("one",)), "spec.labels are 1 for 3"),
        (replace(CLASSIFIER, layers=LAYERS[:1]), "do not end with a linear layer"),
        (replace(CLASSIFIER, layers=(DenseSpec("scale", 3), LAYERS[2])), "gives 3 values from 4"),
        (replace(CLASSIFIER, layers=(DenseSpec("linear", 3, "gelu"),)), "activation is 'gelu'"),
    ],
)
def test_a_network_that_cannot_be_built(spec: GestureSpec, message: str) -> None:
    kind = GestureEmbedder if isinstance(spec, GestureEmbedderSpec) else GestureClassifier
    with pytest.raises(ValueError, match=message):
        kind(spec)  # type: ignore[arg-type]


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has shape \[2, 21, 3\], expected B×5×3"):
        gesture_module(EMBEDDER)(torch.zeros(2, 21, 3))


@pytest.mark.parametrize(
    "file", ["gr_gesture_embedder.tflite", "gr_canned_gesture_classifier.tflite"]
)
def test_half_a_pair_names_no_gesture(file: str) -> None:
    with pytest.raises(InvalidModel, match="expected one embedder and its classifiers"):
        open_gestures(shared_file(file))


def test_hand_models_name_no_gesture() -> None:
    with pytest.raises(InvalidModel, match="0 embedders and 0 classifiers"):
        open_gestures(shared_model("hand-lite-2022"))
