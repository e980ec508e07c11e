"""The gate must be able to fail: real releases, real backends, one fault at a time planted in
the readable module or in what comes out of it. Everything else is replayed from one clean run.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from blazepalm.converter.convert import Converted, convert_graph
from blazepalm.converter.tflite import read_bytes
from blazepalm.reports.backends.backend import Backend, output_names
from blazepalm.reports.backends.readable import Readable, readable
from blazepalm.reports.inputs import seeded_inputs
from blazepalm.reports.measure import measure
from blazepalm.reports.parity import one_torch_thread, open_backends, value_range_of
from blazepalm.reports.verdict import PAIRS, BitwiseRow, FloorRow, judge_bitwise, judge_floor
from support.models import shared_model
from tests.reports.backends_by_hand import Chosen, Outputs

RELEASES = ("palm-2020-11", "hand-lite-2022")
INPUTS = 3


@dataclass(frozen=True)
class Clean:
    """A release's clean run: its images, what each backend said, and the module itself."""

    converted: Converted
    outputs: tuple[str, ...]
    images: list[np.ndarray]
    backends: list[Backend]
    torch: Readable

    def judge(self, candidate: Backend) -> dict[str, tuple[FloorRow, BitwiseRow]]:
        """Field name → both rows of it, with `candidate` as the readable module."""
        replayed = [b for b in self.backends if b.name != "torch"]
        with one_torch_thread():
            found = measure([*replayed, candidate], PAIRS, self.outputs, self.images)
        return {
            field: (judge_floor(found, output), judge_bitwise(found, output, recognised=True))
            for field, output in zip(self.converted.outputs, self.outputs, strict=True)
        }

    def with_module(self, change: Callable[[nn.Module], None]) -> Readable:
        """The backend on a copy of the module that `change` spoiled."""
        module = copy.deepcopy(self.converted.module)
        with torch.no_grad():
            change(module)
        return readable(module, self.outputs, self.converted.outputs)


def replay(backend: Backend, images: list[np.ndarray]) -> Chosen:
    """The same backend, remembered: each image is computed once."""
    known = {image.tobytes(): backend.run(image) for image in images}
    return Chosen(
        backend.name, lambda image: {k: v.copy() for k, v in known[image.tobytes()].items()}
    )


@pytest.fixture(scope="module", params=RELEASES)
def clean(request: pytest.FixtureRequest) -> Clean:
    content = shared_model(request.param).read_bytes()
    converted = convert_graph(read_bytes(content, request.param))
    outputs = output_names(converted.graph)
    shape = converted.graph.tensors[converted.graph.inputs[0]].shape
    images = list(seeded_inputs(shape, value_range_of(converted)[0], INPUTS, seed=3))
    with one_torch_thread():
        opened, _ = open_backends(converted, content, workers=1)
        backends = [replay(backend, images) for backend in opened]
    (readable_backend,) = (b for b in opened if isinstance(b, Readable))
    return Clean(converted, outputs, images, list(backends), readable_backend)


def test_a_clean_run_passes(clean: Clean) -> None:
    rows = clean.judge(clean.torch)
    assert rows.keys() == set(clean.converted.outputs)
    for floor, bits in rows.values():
        assert floor.passed and bits.passed, (floor.reasons, bits.reasons)


def parameter(module: nn.Module, name: str) -> torch.Tensor:
    """The parameter of that name, or with `depthwise` etc. the first one that holds it."""
    return next(p for key, p in module.named_parameters() if name in key)


def last_trunk_kernel(module: nn.Module) -> torch.Tensor:
    """The last convolution before the heads, which every output hangs on."""
    return [
        p for key, p in module.named_parameters() if p.dim() == 4 and not key.startswith("heads")
    ][-1]


def zero_one_weight(module: nn.Module) -> None:
    kernel = parameter(module, "stem.conv.weight").view(-1)
    kernel[kernel.abs().argmax()] = 0.0


def swap_two_channels(module: nn.Module) -> None:
    kernel = last_trunk_kernel(module)
    kernel[[0, 1]] = kernel[[1, 0]]


def transpose_a_kernel(module: nn.Module) -> None:
    kernel = parameter(module, "depthwise.weight")
    kernel.copy_(kernel.transpose(2, 3).clone())


def shift_a_bias(module: nn.Module) -> None:
    parameter(module, "depthwise.bias")[0] += 0.01


def zero_a_bias(module: nn.Module) -> None:
    parameter(module, "stem.conv.bias").zero_()


def round_weights_to_bfloat16(module: nn.Module) -> None:
    for p in module.parameters():
        p.copy_(p.bfloat16().float())


def nan_weight(module: nn.Module) -> None:
    last_trunk_kernel(module).view(-1)[0] = torch.nan


def overflow(module: nn.Module) -> None:
    last_trunk_kernel(module).fill_(3e38)


MODULE_FAULTS = [
    zero_one_weight,
    swap_two_channels,
    transpose_a_kernel,
    shift_a_bias,
    zero_a_bias,
    round_weights_to_bfloat16,
    nan_weight,
    overflow,
]


@pytest.mark.parametrize("fault", MODULE_FAULTS, ids=lambda f: f.__name__)
def test_a_fault_in_the_trunk_fails_the_outputs(clean: Clean, fault: Callable[..., None]) -> None:
    rows = clean.judge(clean.with_module(fault))
    floors = [floor for floor, _ in rows.values()]
    assert any(floor.status == "fail" for floor in floors)
    assert all(bits.status == "fail" for _, bits in rows.values())
    if fault is nan_weight:
        assert any("NaN or infinite" in r for floor in floors for r in floor.reasons)
    elif fault is not overflow:  # which is NaN, or a constant where ReLU6 clips it
        assert max(floor.multiple or 0 for floor in floors) > 10


def test_a_fault_in_one_head_fails_that_row_and_no_other(clean: Clean) -> None:
    for field in clean.converted.outputs:

        def shift(module: nn.Module, field: str = field) -> None:
            biases = [
                p
                for key, p in module.named_parameters()
                if key.startswith("heads") and field in key.split(".") and key.endswith("bias")
            ]
            assert biases
            biases[-1][-1] += 0.05

        rows = clean.judge(clean.with_module(shift))
        failed = {name for name, pair in rows.items() if not all(row.passed for row in pair)}
        assert failed == {field}
        assert not rows[field][0].passed and not rows[field][1].passed


def answer(clean: Clean, change: Callable[[Outputs, np.ndarray], Outputs]) -> Chosen:
    """The clean module, its answers changed on the way out."""
    return Chosen("torch", lambda image: change(clean.torch.run(image), image))


def test_outputs_swapped(clean: Clean) -> None:
    first, second = clean.outputs[:2] if "boxes" in clean.converted.outputs else clean.outputs[1:3]
    rows = clean.judge(answer(clean, lambda o, _: {**o, first: o[second], second: o[first]}))
    swapped = [row for row, _ in rows.values() if row.output in (first, second)]
    assert len(swapped) == 2 and not any(row.passed for row in swapped)
    others = [row for row, _ in rows.values() if row.output not in (first, second)]
    assert all(row.passed for row in others)


def test_x_and_y_swapped(clean: Clean) -> None:
    name = clean.outputs[0]

    def swap(outputs: Outputs, _: np.ndarray) -> Outputs:
        values = outputs[name].copy()
        values[..., 0], values[..., 1] = outputs[name][..., 1], outputs[name][..., 0]
        return {**outputs, name: values}

    rows = clean.judge(answer(clean, swap))
    assert not rows[clean.converted.outputs[0]][0].passed


def test_a_constant_module(clean: Clean) -> None:
    fixed = clean.torch.run(clean.images[0])
    for floor, bits in clean.judge(Chosen("torch", lambda _: fixed)).values():
        assert not floor.passed and not bits.passed
        assert any("the same values for every input" in reason for reason in floor.reasons)


def test_results_of_another_image(clean: Clean) -> None:
    shifted = [*clean.images[1:], clean.images[0]]
    order = {a.tobytes(): b for a, b in zip(clean.images, shifted, strict=True)}
    rows = clean.judge(Chosen("torch", lambda image: clean.torch.run(order[image.tobytes()])))
    for floor, bits in rows.values():
        assert not floor.passed and not bits.passed
        assert floor.multiple is not None and floor.multiple > 10


def test_red_and_blue_swapped(clean: Clean) -> None:
    rows = clean.judge(
        Chosen("torch", lambda image: clean.torch.run(np.ascontiguousarray(image[..., ::-1])))
    )
    assert not any(floor.passed for floor, _ in rows.values())


def test_another_value_range(clean: Clean) -> None:
    rows = clean.judge(Chosen("torch", lambda image: clean.torch.run(image * 2 - 1)))
    assert not any(floor.passed for floor, _ in rows.values())


def test_no_outputs(clean: Clean) -> None:
    for floor, bits in clean.judge(Chosen("torch", lambda _: {})).values():
        assert not floor.passed and not bits.passed and floor.needed is None
        assert any("no such output" in reason for reason in floor.reasons)


def test_one_output_missing(clean: Clean) -> None:
    gone = clean.outputs[-1]
    rows = clean.judge(answer(clean, lambda o, _: {k: v for k, v in o.items() if k != gone}))
    assert [row.output for row, _ in rows.values() if not row.passed] == [gone]


def test_another_shape(clean: Clean) -> None:
    name = clean.outputs[0]
    rows = clean.judge(answer(clean, lambda o, _: {**o, name: o[name][0]}))
    row = rows[clean.converted.outputs[0]][0]
    assert not row.passed and any("shape" in reason for reason in row.reasons)


def test_zero_inputs(clean: Clean) -> None:
    rows = Clean(clean.converted, clean.outputs, [], clean.backends, clean.torch).judge(clean.torch)
    for floor, bits in rows.values():
        assert not floor.passed and not bits.passed
        assert any("nothing was compared" in reason for reason in floor.reasons)


def test_a_limit_a_hundred_times_tighter_fails(
    clean: Clean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blazepalm.reports.policy.FLOAT32_MULTIPLE", 0.1)
    assert not any(floor.passed for floor, _ in clean.judge(clean.torch).values())
