"""`blazepalm.fast`: the quickest exact form is taken, an inexact one refused."""

import copy
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import blazepalm
from blazepalm.converter.pte import missing_executorch
from blazepalm.errors import CouldNotVerify
from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.forms import fast as choosing
from blazepalm.reports.forms import make as forms
from blazepalm.reports.forms import openvino
from blazepalm.reports.forms.measure import FLOORS, Form, in_turns
from blazepalm.reports.forms.openvino import missing_openvino
from blazepalm.reports.judge.policy import LIMITS
from support.kernels import need_compiler
from support.records import hand_spec, palm_spec


@pytest.fixture
def hand() -> HandLandmarks:
    torch.manual_seed(3)
    return HandLandmarks(hand_spec()).eval()


def images(module: nn.Module, count: int = 2) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is remembered from another test."""
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def two_forms(monkeypatch: pytest.MonkeyPatch, own_cache: None) -> None:
    """The forms that take no time to make."""
    for name in (forms.COMPILED, forms.EXECUTORCH, forms.OPENVINO):
        monkeypatch.delitem(forms.MAKERS, name)
    monkeypatch.setattr(choosing, "FORMS", tuple(forms.MAKERS))


@pytest.mark.parametrize("form", ["channels-last", "frozen"])
def test_a_form_of_torch_computes_the_same_with_all_methods(form: str) -> None:
    torch.manual_seed(3)
    plain = PalmDetector(palm_spec()).eval()
    said: list[str] = []
    found = blazepalm.fast(plain, form, said.append)
    assert type(found) is PalmDetector and found is not plain and found.spec is plain.spec
    for given in (images(plain), images(plain, 1)):
        for a, b in zip(found(given), plain(given), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
            assert not a.requires_grad and b.requires_grad, "gradients stay with the plain module"
    picture = (255 * images(plain)[0]).to(torch.uint8)
    assert len(found.predict_on_image(picture)) == len(plain.predict_on_image(picture))
    assert len(said) == 1 and said[0].startswith(f"{form}: ") and " floors" in said[0]


@pytest.mark.parametrize("threads", [1, 3])
def test_each_image_of_a_batch_is_its_own(hand: HandLandmarks, threads: int) -> None:
    """Whatever the number of threads, the bits of an image are those that it has alone."""
    form = forms.make_form(forms.FROZEN, hand, threads)
    given = images(hand, 5)
    together = form(given)
    for i, image in enumerate(given.split(1)):
        assert torch.equal(together.landmarks[i : i + 1], form(image).landmarks)
    with pytest.raises(ValueError, match="32"):
        form(torch.zeros(1, 3, 16, 16))


def test_openvino_computes_the_same(
    hand: HandLandmarks, own_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (reason := missing_openvino()) is not None:
        pytest.skip(reason)
    plain, converted = openvino.converted, []
    monkeypatch.setattr(openvino, "converted", lambda *given: converted.append(1) or plain(*given))
    for _ in range(2):  # converted, then kept
        found = forms.make_form(forms.OPENVINO, hand, 2)
        for given in (images(hand, 3), images(hand, 1)):
            torch.testing.assert_close(
                found(given).landmarks, hand(given).landmarks, rtol=1e-5, atol=1e-5
            )
            assert found(given).world_landmarks is None
    assert converted == [1]


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
    monkeypatch.setitem(
        forms.MAKERS, "channels-last", lambda module, threads, callers: off_by(floors)(module)
    )
    if taken:
        assert blazepalm.fast(hand, "channels-last", lambda line: None) is not hand
        return
    with pytest.raises(CouldNotVerify, match=r"floors, refused \(limit 10\)"):
        blazepalm.fast(hand, "channels-last", lambda line: None)


def test_the_quickest_exact_form_is_taken_and_remembered(
    hand: HandLandmarks, two_forms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []
    speeds = {"plain": (1.0, 1.0), "channels-last": (1.5, 2.0), "frozen": (9.0, 10.5)}

    def measure(module: Any, forwards: Any, batch: int = 1) -> list[Form]:
        measured.append(batch)
        return [Form(name, speeds[name][1], speeds[name][0], 0.1) for name in forwards]

    monkeypatch.setattr(choosing, "measure", measure)
    said: list[str] = []
    blazepalm.fast(hand, notice=said.append)
    assert said == [
        "channels-last: 1.50 × the plain module, 2.00 floors",
        "frozen: 9.00 × the plain module, 10.50 floors, refused (limit 10)",
        "chosen: channels-last",
    ]
    again: list[str] = []
    blazepalm.fast(hand, notice=again.append)
    assert again == [*said[:2], "chosen: channels-last, as measured before"]
    assert measured == [1]
    speeds["channels-last"] = (0.9, 2.0)
    blazepalm.fast(hand, notice=again.append, remembered=False)
    assert again[-1] == "chosen: the plain module" and measured == [1, 1]
    blazepalm.fast(hand, notice=again.append, batch=4)
    with torch.no_grad():
        next(hand.parameters()).add_(1.0)
    blazepalm.fast(hand, notice=again.append)
    monkeypatch.setattr(choosing, "versions", lambda *names: dict.fromkeys(names, "0"))
    blazepalm.fast(hand, notice=again.append)
    assert measured == [1, 1, 4, 1, 1], "another batch, other weights, another version"


def test_a_remembered_form_that_is_gone_is_chosen_anew(
    hand: HandLandmarks, two_forms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(module: Any, forwards: Any, batch: int = 1) -> list[Form]:
        return [Form(name, 1.0, float(i), 0.1) for i, name in enumerate(forwards, 1)]

    def missing(module: nn.Module, threads: int, callers: int) -> Any:
        raise CouldNotVerify("TorchScript is gone")

    monkeypatch.setattr(choosing, "measure", measure)
    said: list[str] = []
    blazepalm.fast(hand, notice=said.append)
    assert said[-1] == "chosen: frozen"
    monkeypatch.setitem(forms.MAKERS, "frozen", missing)
    blazepalm.fast(hand, notice=said.append)
    assert said[-3] == "frozen: TorchScript is gone" and said[-1] == "chosen: channels-last"
    with pytest.raises(CouldNotVerify, match="is gone"):
        blazepalm.fast(hand, "frozen", said.append)


def test_what_it_does_not_take(hand: HandLandmarks) -> None:
    with pytest.raises(TypeError, match="expected a PalmDetector or a HandLandmarks, got Linear"):
        blazepalm.fast(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="unknown form 'slow'; choose channels-last, frozen, comp"):
        blazepalm.fast(hand, "slow")
    with pytest.raises(ValueError, match="batch is 0"):
        blazepalm.fast(hand, batch=0)
    with pytest.raises(ValueError, match="is in float16 on cpu; fast takes float32 on the CPU"):
        blazepalm.fast(hand.half())


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_module_of_no_numbers(hand: HandLandmarks, two_forms: None, number: float) -> None:
    with torch.no_grad():
        next(hand.heads.parameters()).fill_(number)
    for form in (None, forms.FROZEN):
        with pytest.raises(
            CouldNotVerify, match="^HandLandmarks: its outputs hold NaN or infinity"
        ):
            blazepalm.fast(hand, form, [].append)


@pytest.mark.parametrize("form", [forms.FROZEN, forms.COMPILED])
def test_a_batch_of_none(hand: HandLandmarks, form: str) -> None:
    if form == forms.COMPILED:
        need_compiler()
    none = torch.zeros(0, 3, 32, 32)
    for found, plain in zip(forms.make_form(form, hand, 2)(none), hand(none), strict=True):
        assert (found is None and plain is None) or found.shape == plain.shape


@pytest.mark.parametrize(("threads", "counts"), [(1, False), (2, True)])
def test_with_one_thread_waiting_costs_nothing(threads: int, counts: bool) -> None:
    """Another process's turn on the processor is no form's time."""
    (seconds,) = in_turns({"waits": lambda: time.sleep(0.02)}, 1, threads=threads)["waits"]
    assert (seconds >= 0.02) == counts


def test_the_limit_is_paritys() -> None:
    assert LIMITS.float32_multiple == FLOORS
