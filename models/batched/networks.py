"""The readable modules as networks on a device: in float32 or bfloat16, channels last, and on a GPU
as CUDA graphs, which spare the time of starting each kernel.

A graph has one shape, so batches are filled up to powers of two (`FixedShapes`). Float32 means
float32: TF32, which torch lets convolutions use on a GPU, rounds their inputs to 11 bits, so it is
switched off while a graph is captured. In bfloat16 the heads stay float32: their outputs are
pixels, of which bfloat16 has no fractions above 128.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from blazepalm.errors import BlazePalmError, NoDevice, unknown_name
from blazepalm.models.batched.pipeline import Network
from blazepalm.models.decode import as_array
from blazepalm.models.runners import Floats, Runner

FP32, BF16 = "fp32", "bf16"
PRECISIONS = {FP32: torch.float32, BF16: torch.bfloat16}
DEVICES = ("cpu", "cuda", "cuda:N")
WARM_UP = 3  # runs before a capture: libraries choose kernels and allocate in them
CAPTURING = Lock()  # all captures of a process share a stream


def device_of(name: str | torch.device) -> torch.device:
    """The device "cpu", "cuda" or "cuda:N"; nothing of CUDA is touched for "cpu". Raises NoDevice
    for any other, and for a GPU that is not there.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise NoDevice(unknown_name("device", name, DEVICES)) from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise NoDevice(unknown_name("device", str(name), DEVICES))
    if not torch.cuda.is_available():
        built = torch.version.cuda is not None or torch.version.hip is not None
        why = "PyTorch finds no GPU" if built else "this PyTorch was built without CUDA"
        raise NoDevice(f"device {name}: {why}; choose cpu")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise NoDevice(f"device {name}: PyTorch finds only cuda:0 to cuda:{count - 1}")
    return torch.device("cuda", device.index or 0)


def precision_of(name: str) -> torch.dtype:
    """The dtype of "fp32" or "bf16". Raises BlazePalmError for another."""
    if name not in PRECISIONS:
        raise BlazePalmError(unknown_name("precision", name, PRECISIONS))
    return PRECISIONS[name]


def open_network(
    module: nn.Module, device: torch.device, precision: str = FP32, batch: int = 16
) -> Network:
    """A copy of a `PalmDetector` or `HandLandmarks` on `device`, for batches of any size. A GPU
    computes `batch` images at a time; the CPU one, which is quicker there, since its maps stay in
    the caches, and gives the same bits whatever else is in the batch.
    """
    run = eager(module, device, precision)
    if device.type != "cuda":
        return FixedShapes(lambda _: run, 1)
    spec: Any = module.spec
    shape = (spec.backbone.stem.in_channels, *spec.input_size)

    def graph(size: int) -> Network:
        with torch.cuda.device(device), without_tf32() if precision == FP32 else nullcontext():
            return captured(run, torch.zeros(size, *shape, device=device))

    return FixedShapes(graph, batch)


def device_runner(module: nn.Module, device: torch.device) -> Runner:
    """The same as a function of channels-last arrays, in float32."""
    network = open_network(module, device)

    def run(images: Floats) -> dict[str, NDArray[Any]]:
        given = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
        return {name: as_array(values) for name, values in network(given).items()}

    return run


def eager(module: nn.Module, device: torch.device, precision: str = FP32) -> Network:
    """As `open_network`, but kernel by kernel, a whole batch at a time."""
    dtype = precision_of(precision)
    twin: Any = copy.deepcopy(module).eval().to(device, dtype)
    twin.to(memory_format=torch.channels_last)
    if dtype != torch.float32:
        for head in twin.heads.values():
            head.float().register_forward_pre_hook(_in_float32)

    def run(images: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            given = images.to(dtype, memory_format=torch.channels_last)
            found = twin(given)._asdict().items()
        return {name: value.float() for name, value in found if value is not None}

    return run


def _in_float32(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(values.float() for values in inputs)


class FixedShapes:
    """A network made of others that take batches of one size each: `make(size)` makes one when a
    batch first needs it. Sizes are powers of two below `largest`, and `largest`. A batch is filled
    up with zeros, whose outputs are dropped; a larger one is split.
    """

    def __init__(self, make: Callable[[int], Network], largest: int) -> None:
        self.make = make
        self.largest = largest
        self.made: dict[int, Network] = {}
        self._making = Lock()

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        found = [self._one(part) for part in images.split(self.largest)]
        return {name: torch.cat([each[name] for each in found]) for name in found[0]}

    def _one(self, images: Tensor) -> dict[str, Tensor]:
        count = len(images)
        size = min(1 << max(count - 1, 0).bit_length(), self.largest)
        with self._making:
            if size not in self.made:
                self.made[size] = self.make(size)
        behind = (0, 0, 0, 0, 0, 0, 0, size - count)
        outputs = self.made[size](functional.pad(images, behind))
        return {name: values[:count] for name, values in outputs.items()}


def captured(run: Network, example: Tensor) -> Network:
    """`run` as a CUDA graph on the current CUDA device, for batches of the example's shape. Threads
    take turns.
    """
    given, lock = example.clone(), Lock()
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            run(given)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    # thread_local: what other threads do on the GPU meanwhile does not break the capture
    with CAPTURING, torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = run(given)

    def replay(images: Tensor) -> Mapping[str, Tensor]:
        with lock:
            given.copy_(images)
            graph.replay()
            return {name: values.clone() for name, values in outputs.items()}

    return replay


@contextmanager
def without_tf32() -> Iterator[None]:
    """Inside it, float32 on a GPU is computed in float32."""
    products = torch.backends.cuda.matmul
    before = products.allow_tf32
    products.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        products.allow_tf32 = before
