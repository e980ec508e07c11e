"""`blazepalm.fast`: the quickest exact form is taken, an inexact one refused."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import blazepalm
from blazepalm.converter.pte import missing_executorch
from blazepalm.errors import CouldNotVerify
from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.bench import fast as forms
from support.records import hand_spec, palm_spec


@pytest.fixture
def hand() -> HandLandmarks:
    torch.manual_seed(3)
    return HandLandmarks(hand_spec()).eval()


def images(module: nn.Module, count: int = 2) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def test_channels_last_computes_the_same_with_all_methods() -> None:
    torch.manual_seed(3)
    plain = PalmDetector(palm_spec()).eval()
    said: list[str] = []
    found = blazepalm.fast(plain, "channels-last", said.append)
    assert type(found) is PalmDetector and found is not plain and found.spec is plain.spec
    for a, b in zip(found(images(plain)), plain(images(plain)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
        assert not a.requires_grad and b.requires_grad, "gradients stay with the plain module"
    picture = (255 * images(plain)[0]).to(torch.uint8)
    assert len(found.predict_on_image(picture)) == len(plain.predict_on_image(picture))
    assert said[0].startswith("channels-last: ") and " floors" in said[0]
    assert said[1] == "chosen: channels-last"


def test_executorch_computes_each_image_of_a_batch(hand: HandLandmarks) -> None:
    if (reason := missing_executorch()) is not None:
        pytest.skip(reason)
    found = blazepalm.fast(hand, "executorch", lambda line: None)
    given = images(hand, 3)
    output = found(given)
    assert isinstance(output, HandOutput) and output.world_landmarks is None
    for name, value in output._asdict().items():
        if value is not None:
            torch.testing.assert_close(value, getattr(hand(given), name), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="32"):
        found(torch.zeros(1, 3, 16, 16))


def off_by(floors: float) -> Any:
    """A form whose first output is that many floors from the plain module's float64 outputs."""

    def make(module: nn.Module) -> Any:
        def run(given: Tensor) -> HandOutput:
            output = module(given)
            with torch.no_grad():
                exact = copy.deepcopy(module).double()(given.double())
                own = (output.landmarks.double() - exact.landmarks).abs().max()
                step = torch.finfo(torch.float32).eps * exact.landmarks.abs().max()
                cost = max(float(own), float(step))
            return output._replace(landmarks=exact.landmarks + floors * cost)

        return run

    return make


@pytest.mark.parametrize(("floors", "taken"), [(3.0, True), (100.0, False)])
def test_a_form_beyond_ten_floors_is_refused(
    hand: HandLandmarks, floors: float, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(forms.MAKERS, "channels-last", off_by(floors))
    if taken:
        assert blazepalm.fast(hand, "channels-last", lambda line: None) is not hand
        return
    with pytest.raises(CouldNotVerify, match=r"floors, refused \(limit 10\)"):
        blazepalm.fast(hand, "channels-last", lambda line: None)


def test_without_executorch_the_others_are_measured(
    hand: HandLandmarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: nn.Module) -> Any:
        raise CouldNotVerify("ExecuTorch is not installed")

    monkeypatch.setitem(forms.MAKERS, "executorch", missing)
    said: list[str] = []
    blazepalm.fast(hand, notice=said.append)
    assert said[0] == "executorch: ExecuTorch is not installed"
    assert said[1].startswith("channels-last: ") and said[2].startswith("chosen: ")
    with pytest.raises(CouldNotVerify, match="not installed"):
        blazepalm.fast(hand, "executorch", said.append)


def test_what_it_does_not_take(hand: HandLandmarks) -> None:
    with pytest.raises(TypeError, match="expected a PalmDetector or a HandLandmarks, got Linear"):
        blazepalm.fast(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="unknown form 'slow'; choose channels-last or executorch"):
        blazepalm.fast(hand, "slow")
    with pytest.raises(ValueError, match="is in float16 on cpu; fast takes float32 on the CPU"):
        blazepalm.fast(hand.half())
