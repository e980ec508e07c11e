"""The executor against eager torch on the same module, as a ratio in one run."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import coremltools as ct
import torch
from torch import nn

from blazepalm.reports.backends.mil import load


class Block(nn.Module):
    """Depthwise, pointwise, sum, PReLU: what the hand models are made of."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.pointwise = nn.Conv2d(channels, channels, 1)
        self.activation = nn.PReLU(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.activation(self.pointwise(self.depthwise(x)) + x)
        return y


def seconds(action: Callable[[], Any]) -> float:
    """Of this thread's processor time: other processes do not count."""
    start = time.thread_time()
    action()
    return time.thread_time() - start


def test_no_slower_than_eager_torch(convert: Any) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        shape = (1, 32, 48, 48)
        module = nn.Sequential(*[Block(32) for _ in range(16)]).eval()
        program = load(convert(module, [ct.TensorType("x", shape=shape)]))
        x = torch.rand(shape)
        array = x.numpy()

        def eager() -> torch.Tensor:
            with torch.inference_mode():
                y: torch.Tensor = module(x)
            return y

        (found,) = program.run({"x": array}).values()
        assert torch.equal(torch.from_numpy(found), eager())
        for _ in range(3):
            eager()
            program.run({"x": array})
        rounds = [(seconds(eager), seconds(lambda: program.run({"x": array}))) for _ in range(15)]
        ratio = median(ours for _, ours in rounds) / median(theirs for theirs, _ in rounds)
        assert ratio <= 1.3, f"{ratio:.2f} times eager torch"
    finally:
        torch.set_num_threads(threads)
