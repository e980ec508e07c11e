"""Networks on a device: in float32 and bfloat16, in fixed shapes, as CUDA graphs. Where no GPU is,
a graph is played by the calls that it stands for.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from blazepalm.errors import BlazePalmError, NoDevice
from blazepalm.models.batched.networks import (
    FixedShapes,
    captured,
    device_of,
    eager,
    open_network,
    precision_of,
    without_tf32,
)
from support.converted import converted

CPU = torch.device("cpu")


def test_the_cpu_touches_nothing_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("CUDA was asked")

    for name in ("is_available", "device_count", "CUDAGraph", "graph", "Stream", "device"):
        monkeypatch.setattr(torch.cuda, name, refuse)
    assert device_of("cpu") == device_of(CPU) == CPU
    network = open_network(converted("hand-lite-2022").module, CPU)
    assert network(torch.zeros(2, 3, 224, 224))["presence"].shape == (2, 1)


@pytest.mark.parametrize("name", ["gpu", "mps", "", "cuda:x", "cpu and more"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(NoDevice, match=r"unknown device '.*'; choose cpu, cuda or cuda:N"):
        device_of(name)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(NoDevice, match="device cuda: this PyTorch was built without CUDA; choose"):
        device_of("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(NoDevice, match="device cuda:1: PyTorch finds no GPU; choose cpu"):
        device_of("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_of("cuda") == torch.device("cuda", 0)
    with pytest.raises(NoDevice, match="device cuda:1: PyTorch finds only cuda:0 to cuda:0"):
        device_of("cuda:1")


def test_unknown_precisions() -> None:
    with pytest.raises(BlazePalmError, match="unknown precision 'fp16'; choose fp32 or bf16"):
        precision_of("fp16")


def test_bfloat16_keeps_the_heads() -> None:
    """A head in bfloat16 gives only whole pixels above 128. The module itself stays as it is."""
    module = converted("hand-lite-2022").module
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    exact, found = (eager(module, CPU, precision)(images) for precision in ("fp32", "bf16"))
    assert {values.dtype for values in found.values()} == {torch.float32}
    points = found["landmarks"]
    assert (points - points.bfloat16().float()).abs().max() > 0.01
    assert 0 < (points - exact["landmarks"]).abs().max() < 10
    assert next(module.parameters()).dtype == torch.float32
    assert not next(iter(module.heads.values()))._forward_pre_hooks


def test_float32_is_the_modules_own() -> None:
    """Channels last adds the same products in another order: within 1e-5 of the largest value."""
    module = converted("hand-lite-2022").module
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = module(images)._asdict()
    found = eager(module, CPU)(images)
    assert list(found) == list(expected)
    for name, values in found.items():
        assert (values - expected[name]).abs().max() <= 1e-5 * expected[name].abs().max()


def test_fixed_shapes() -> None:
    """Powers of two and the largest; what fills a batch up is seen by the network and dropped."""
    seen: list[tuple[int, list[float]]] = []

    def make(size: int) -> Any:
        def network(images: Tensor) -> dict[str, Tensor]:
            assert images.shape == (size, 1, 2, 2)
            seen.append((size, images.amax(dim=(1, 2, 3)).tolist()))
            return {"doubled": images.flatten(1) * 2}

        return network

    fixed = FixedShapes(make, 6)
    for count, sizes in ((1, [1]), (2, [2]), (3, [4]), (5, [6]), (6, [6]), (9, [6, 4])):
        seen.clear()
        images = torch.arange(1.0, count + 1)[:, None, None, None].expand(count, 1, 2, 2)
        doubled = fixed(images)["doubled"]
        assert torch.equal(doubled, images.flatten(1) * 2)
        assert [size for size, _ in seen] == sizes
        assert seen[-1][1][sum(v > 0 for v in seen[-1][1]) :] == [0.0] * (sum(sizes) - count)
    assert sorted(fixed.made) == [1, 2, 4, 6]


def test_each_shape_is_made_once_by_many_threads() -> None:
    made: list[int] = []

    def make(size: int) -> Any:
        made.append(size)
        time.sleep(0.01)  # so that another thread could begin meanwhile
        return lambda images: {"same": images}

    fixed = FixedShapes(make, 4)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fixed, [torch.ones(3, 1, 1, 1)] * 4))
    assert made == [4] and all(len(each["same"]) == 3 for each in found)


def test_tf32_is_off_inside_and_restored() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    try:
        with without_tf32():
            assert not torch.backends.cuda.matmul.allow_tf32
            assert not torch.backends.cudnn.allow_tf32 and torch.backends.cudnn.enabled
        assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Graphs that play their calls again: into the same outputs, from the same inputs."""
    recording: list[Any] = []

    class Graph:
        calls: list[Any]

        def replay(self) -> None:
            for play in self.calls:
                play()

    @contextmanager
    def graph(into: Graph, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local"  # `detect` has several threads
        into.calls = []
        recording.append(into)
        yield
        recording.pop()

    stream = SimpleNamespace(wait_stream=lambda _: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    return recording


def test_a_captured_network_is_replayed(played: Any) -> None:
    runs = 0

    def network(images: Tensor) -> dict[str, Tensor]:
        nonlocal runs
        runs += 1
        out = images * 2
        if played:
            played[-1].calls.append(lambda: out.copy_(images * 2))
        return {"doubled": out}

    replay = captured(network, torch.zeros(2, 1))
    assert runs == 4  # three to warm up, one to be captured
    first = replay(torch.tensor([[1.0], [2.0]]))["doubled"]
    second = replay(torch.tensor([[3.0], [4.0]]))["doubled"]
    assert (first.flatten().tolist(), second.flatten().tolist()) == ([2, 4], [6, 8])
    assert runs == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use (CUDA)")
@pytest.mark.parametrize(("precision", "limit"), [("fp32", 1e-4), ("bf16", 0.05)])
@pytest.mark.parametrize("name", ["palm-lite-2021-11", "hand-lite-2022"])
def test_graphs_on_a_gpu(name: str, precision: str, limit: float) -> None:
    module = converted(name).module
    shape = (5, 3, *module.spec.input_size)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = eager(module, CPU)(images)
    network = open_network(module, device_of("cuda"), precision, batch=4)
    for _ in range(2):
        found = network(images.cuda())
        for key, values in found.items():
            away = (values.cpu() - expected[key]).abs().max()
            assert away <= limit * expected[key].abs().max(), key
