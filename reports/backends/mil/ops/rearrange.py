"""Moves blocks of pixels into channels or into the batch, and back.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_transformation.py. The order of channels
differs: `pixel_shuffle` uses torch's (channel, row, column), `depth_to_space` TensorFlow's (row,
column, channel).
"""

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.convolution_window import pad
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("pixel_shuffle")
def pixel_shuffle(call: Call) -> Kernel:
    call.needs("x")
    factor = call.integer("upscale_factor")
    return call.kernel(lambda x: F.pixel_shuffle(x, factor), "x", rounds=False)


@executes("pixel_unshuffle")
def pixel_unshuffle(call: Call) -> Kernel:
    call.needs("x")
    factor = call.integer("downscale_factor")
    return call.kernel(lambda x: F.pixel_unshuffle(x, factor), "x", rounds=False)


@executes("depth_to_space")
def depth_to_space(call: Call) -> Kernel:
    """(N, b·b·C, H, W) → (N, C, H·b, W·b)."""
    call.needs("x")
    block = _block(call)

    def run(x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        blocks = x.reshape(n, block, block, c // (block * block), h, w)
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, h * block, w * block)

    return call.kernel(run, "x", rounds=False)


@executes("space_to_depth")
def space_to_depth(call: Call) -> Kernel:
    """(N, C, H·b, W·b) → (N, b·b·C, H, W)."""
    call.needs("x")
    block = _block(call)

    def run(x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // block, block, w // block, block)
        return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, h // block, w // block)

    return call.kernel(run, "x", rounds=False)


@executes("space_to_batch")
def space_to_batch(call: Call) -> Kernel:
    """Pads, then makes an image of each place of a block: place by place, the batch for each."""
    call.needs("x")
    rows, columns = call.integers("block_shape", length=2)
    flat = call.integers("paddings", length=4)
    if min(rows, columns) < 1 or min(flat) < 0:
        raise call.invalid(f"block_shape {[rows, columns]}, paddings {list(flat)}")
    pads = ((flat[0], flat[1]), (flat[2], flat[3]))

    def run(x: torch.Tensor) -> torch.Tensor:
        x = pad(x, pads)
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // rows, rows, w // columns, columns)
        return blocks.permute(3, 5, 0, 1, 2, 4).reshape(-1, c, h // rows, w // columns)

    return call.kernel(run, "x", rounds=False)


@executes("batch_to_space")
def batch_to_space(call: Call) -> Kernel:
    """Undoes `space_to_batch`, then crops rows and columns."""
    call.needs("x")
    rows, columns = call.integers("block_shape", length=2)
    top, bottom, left, right = call.integers("crops", length=4)
    if min(rows, columns) < 1 or min(top, bottom, left, right) < 0:
        raise call.invalid(f"block_shape {[rows, columns]}, negative crops")

    def run(x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        blocks = x.reshape(rows, columns, n // (rows * columns), c, h, w)
        whole = blocks.permute(2, 3, 4, 0, 5, 1).reshape(-1, c, h * rows, w * columns)
        return whole[:, :, top : h * rows - bottom, left : w * columns - right]

    return call.kernel(run, "x", rounds=False)


def _block(call: Call) -> int:
    block = call.integer("block_size")
    if block < 1:
        raise call.invalid(f"block_size is {block}")
    return block
