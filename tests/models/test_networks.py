"""The readable networks of every shared release: batches, gradients, export, compilation.

torch.export and torch.compile, which look at structure and not at weights, get one release of each
class; BLAZEPALM_EVERY_RELEASE=1 gives them all.
"""

import copy
import os

import numpy as np
import pytest
import torch

from blazepalm.errors import ArtifactError
from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from support.converted import converted, images
from support.models import HANDS, PALMS, SHARED

ALL = list(SHARED.values())
STRUCTURES = ["palm-lite-2021-11", "hand-lite-2022", "hand-recrop-2020-07"]
if os.environ.get("BLAZEPALM_EVERY_RELEASE"):
    STRUCTURES = ALL


def batch_for(release: str, count: int) -> torch.Tensor:
    """(count, 3, H, W) for readable modules, (count, H, W, 3) for the generic one."""
    nhwc = torch.from_numpy(images(release, count))
    if converted(release).recognition is None:
        return nhwc
    return nhwc.permute(0, 3, 1, 2).contiguous()


def test_each_family_is_one_class() -> None:
    assert {type(converted(r).module) for r in PALMS} == {PalmDetector}
    assert {type(converted(r).module) for r in HANDS} == {HandLandmarks}


@pytest.mark.parametrize("release", ALL)
def test_batches_give_what_single_images_give(release: str) -> None:
    """Batches of 2 and 3 against one image at a time. In float64, where rounding (which depends on
    the batch) cannot hide an image leaking into another.
    """
    model = copy.deepcopy(converted(release).module).double()
    batch = batch_for(release, 3).double()
    with torch.no_grad():
        singles = [model(batch[i : i + 1]) for i in range(3)]
        for count in (2, 3):
            compared = 0
            for position, value in enumerate(model(batch[:count])):
                if value is None:
                    continue
                expected = torch.cat([single[position] for single in singles[:count]])
                assert value.shape == expected.shape
                assert (expected[0] != expected[1]).any(), "the images must differ"
                torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-11)
                compared += 1
            assert compared >= 1


@pytest.mark.parametrize("release", ALL)
def test_gradients_reach_every_parameter(release: str) -> None:
    model = converted(release).module.train()
    try:
        # logits of a random image may saturate a sigmoid, so the loss adds all outputs up
        outputs = [value for value in model(batch_for(release, 2)) if value is not None]
        loss = sum(value.double().square().sum() for value in outputs)
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        without = [n for n, p in model.named_parameters() if p.grad is None]
        dead = [
            n
            for n, p in model.named_parameters()
            if p.grad is not None and not (torch.isfinite(p.grad).all() and p.grad.any())
        ]
        assert without == []
        assert dead == []
    finally:
        model.zero_grad(set_to_none=True)
        model.eval()


@pytest.mark.parametrize("release", STRUCTURES)
def test_export(release: str) -> None:
    """torch.export keeps the numbers, with a free batch size."""
    model = converted(release).module
    batch = torch.export.Dim("batch", min=1, max=16)
    program = torch.export.export(
        model, (batch_for(release, 2),), dynamic_shapes=({0: batch},), strict=False
    )
    example = batch_for(release, 3)
    with torch.no_grad():
        expected = [v for v in model(example) if v is not None]
        found = [v for v in program.module()(example) if v is not None]
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * max(1.0, b.abs().max().item()))


@pytest.mark.parametrize("release", STRUCTURES)
def test_compile(release: str) -> None:
    """torch.compile traces the whole network without a graph break."""
    torch.compiler.reset()
    model = converted(release).module
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    example = batch_for(release, 1)
    with torch.no_grad():
        for a, b in zip(compiled(example), model(example), strict=True):
            assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("release", [*PALMS, *HANDS])
def test_print_fits_two_screens(release: str) -> None:
    text = str(converted(release).module)
    assert len(text.splitlines()) <= 110
    assert max(map(len, text.splitlines())) <= 100


def test_parameter_names_are_readable() -> None:
    keys = set(converted("palm-full-2023-09").module.state_dict())
    assert "backbone.stage2.block0.depthwise.weight" in keys
    assert "backbone.stem.activation.weight" in keys
    assert "heads.stride8.scores.bias" in keys
    assert not any(key.startswith("op") for key in keys)


@pytest.mark.parametrize("release", PALMS)
def test_wrong_batches_are_refused(release: str) -> None:
    model = converted(release).module
    side = model.spec.input_size[0]
    with pytest.raises(ValueError, match="expected a batch of shape"):
        model(torch.zeros(1, side, side, 3))
    with pytest.raises(ValueError, match="floating-point"):
        model(torch.zeros(1, 3, side, side, dtype=torch.uint8))


@pytest.mark.parametrize("release", PALMS)
def test_palm_predictions_have_the_promised_shapes(release: str) -> None:
    """Lets every anchor through, so that the suppressed set is not empty."""
    model = converted(release).module
    assert isinstance(model, PalmDetector)
    found = model.predict_on_batch(batch_for(release, 2))
    assert len(found) == 2
    image = np.random.Generator(np.random.PCG64(1)).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    spec = model.spec
    try:
        model.spec = type(spec)(**{**vars(spec), "score_threshold": 0.0})
        one = model.predict_on_image(image)
    finally:
        model.spec = spec
    count = len(one)
    assert count > 0
    assert one.boxes.shape == (count, 4) and one.keypoints.shape == (count, 7, 2)
    assert (one.scores[:-1] >= one.scores[1:]).all()


@pytest.mark.parametrize("release", HANDS)
def test_landmark_predictions_are_normalised_outputs(release: str) -> None:
    """An image of the model's own size is not letterboxed: landmarks are the raw pixels divided by
    the side, z by the side and the release's z scale.
    """
    model = converted(release).module
    assert isinstance(model, HandLandmarks)
    side = model.spec.input_size[0]
    image = np.random.Generator(np.random.PCG64(2)).integers(
        0, 256, (side, side, 3), dtype=np.uint8
    )
    low, high = model.spec.value_range
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 * (high - low) + low
    with torch.no_grad():
        raw = model(tensor)
    found = model.predict_on_image(image)
    expected = raw.landmarks[0].reshape(21, 3) / side
    torch.testing.assert_close(found.landmarks[:, :2], expected[:, :2], rtol=0, atol=1e-4)
    torch.testing.assert_close(
        found.landmarks[:, 2], expected[:, 2] / model.spec.z_scale, rtol=0, atol=1e-4
    )
    assert found.presence.shape == ()
    assert (found.handedness is None) == (raw.handedness is None)
    assert found.world_landmarks is None or found.world_landmarks.shape == (21, 3)


def test_anchors_can_be_loaded_and_are_checked(tmp_path: object) -> None:
    from pathlib import Path

    model = converted("palm-full-2023-09").module
    assert isinstance(model, PalmDetector)
    before = model.anchors.clone()
    path = Path(str(tmp_path)) / "anchors.npy"
    np.save(path, before.numpy()[::-1])
    try:
        model.load_anchors(path)
        assert torch.equal(model.anchors, before.flip(0))
        np.save(path, before.numpy()[:5])
        with pytest.raises(ArtifactError, match=r"\(5, 4\), expected \(2016, 4\)"):
            model.load_anchors(path)
    finally:
        model.anchors.copy_(before)


@pytest.mark.parametrize("narrow", ["half", "bfloat16"])
def test_anchors_stay_float32(narrow: str) -> None:
    """float16 rounds an anchor's centre by up to 2⁻¹² of the picture, bfloat16 by 2⁻⁹: more than
    a pixel. The way back to float32 must find them exact.
    """
    model = copy.deepcopy(converted("palm-lite-2021-11").module)
    exact = model.anchors.clone()  # type: ignore[operator]
    getattr(model, narrow)()
    assert model.anchors.equal(exact)  # type: ignore[operator]
    assert {p.dtype for p in model.parameters()} == {
        getattr(torch, {"half": "float16"}.get(narrow, narrow))
    }
    found = model.predict_on_image(np.full((40, 60, 3), 90, np.uint8))  # type: ignore[operator]
    assert found.boxes.dtype == torch.float32
    assert model.float().anchors.equal(exact)  # type: ignore[operator]


@pytest.mark.parametrize("release", ["palm-lite-2021-11", "hand-lite-2022"])
def test_an_empty_batch_gives_nothing(release: str) -> None:
    model = converted(release).module
    size = model.spec.input_size  # type: ignore[union-attr]
    assert model.predict_on_batch(torch.zeros(0, 3, *size)) == []  # type: ignore[operator]
    assert model.predict_on_batch(np.zeros((0, 5, 7, 3), np.uint8)) == []  # type: ignore[operator]
    with torch.no_grad():
        assert [len(v) for v in model(torch.zeros(0, 3, *size)) if v is not None][:2] == [0, 0]


@pytest.mark.parametrize("release", ["palm-lite-2021-11", "hand-lite-2022"])
def test_a_batch_of_pictures_is_each_picture(release: str) -> None:
    model = copy.deepcopy(converted(release).module).double()
    pictures = np.random.default_rng(5).integers(0, 256, (2, 50, 30, 3), np.uint8)
    for batch in (pictures, torch.from_numpy(pictures), torch.from_numpy(pictures).movedim(3, 1)):
        found = model.predict_on_batch(batch)  # type: ignore[operator]
        for picture, one in zip(pictures, found, strict=True):
            alone = model.predict_on_image(picture)  # type: ignore[operator]
            for mine, theirs in zip(vars(one).values(), vars(alone).values(), strict=True):
                if mine is not None:
                    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("release", ["palm-lite-2021-11", "hand-lite-2022"])
def test_symbolic_tracing(release: str) -> None:
    model = converted(release).module
    batch = batch_for(release, 1)
    with torch.no_grad():
        for mine, theirs in zip(torch.fx.symbolic_trace(model)(batch), model(batch), strict=True):
            assert mine is theirs is None or mine.equal(theirs)


def test_a_head_of_your_own_trains() -> None:
    """A new head trains on the features that the other heads read; the old weights do not
    change.
    """
    base = copy.deepcopy(converted("hand-lite-2022").module).requires_grad_(False)
    head = torch.nn.Linear(base.spec.pooled, 1)  # type: ignore[union-attr, arg-type]
    batch, wanted = batch_for("hand-lite-2022", 4), torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    features = base.features_of(batch)  # type: ignore[operator]
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(features), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 < losses[0]
