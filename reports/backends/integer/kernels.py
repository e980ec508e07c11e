"""TFLite's kernels on int8, uint8 and int16, bit for bit as its reference kernels compute them.

https://github.com/tensorflow/tensorflow/tree/v2.18.0/tensorflow/lite/kernels/internal/reference
Factors are computed in the precision of the C code, float32 or float64, since both differ in their
last bits. An operator without a kernel here is computed on real values and rounded to the steps of
its result (`reports.backends.integer.network`): exact for values that only move and for tables
(LOGISTIC, TANH), within a step for MEAN, SOFTMAX, HARD_SWISH.
"""

from collections.abc import Callable

import numpy as np

from blazepalm.converter.tflite.dequantise import dequantise
from blazepalm.converter.tflite.quantise import quantise, round_away
from blazepalm.reports.backends.integer.multiplier import scaled, scaled_once, scaled_wide
from blazepalm.reports.backends.integer.step import Step

Kernel = Callable[[Step], np.ndarray]

KERNELS: dict[str, Kernel] = {}
KERNEL = 1  # the operand that holds the weights
LINEAR = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def computes(*names: str) -> Callable[[Kernel], Kernel]:
    """Registers a kernel for operators."""

    def register(kernel: Kernel) -> Kernel:
        for name in names:
            assert name not in KERNELS, name
            KERNELS[name] = kernel
        return kernel

    return register


@computes(*LINEAR)
def linear(step: Step) -> np.ndarray:
    """Σ (x − zero)·(w − zero) + bias in integers, then scaled, per channel if the weights are."""
    data = data_slot(step.op.name)
    sums = np.rint(step.lowered(step.centred(data))).astype(np.int64)
    wide, bias = step.result.dtype == "int16", bias_of(step)
    if bias is not None:
        sums = sums + bias.astype(np.int64)
        wide = wide and bias.dtype == np.int64
    source = step.scale(data)
    weights = step.quantisation(KERNEL).scale
    if len(weights) == 1 and _multiplied_in_float32(step):
        factors = [float(source * np.float32(weights[0])) / float(step.out_scale)]
    else:
        factors = [float(source) * float(np.float32(w)) / float(step.out_scale) for w in weights]
    # LiteRT 2 rounds once here, in every kernel set: twice gives 1 value in 1,000 another integer
    narrow = scaled_once if step.op.name == "FULLY_CONNECTED" else scaled
    moved = (scaled_wide if wide else narrow)(sums, factors)
    return step.stored(moved, getattr(step.options, "activation", "NONE"))


def data_slot(name: str) -> int:
    """The operand that holds the image."""
    return 2 if name == "TRANSPOSE_CONV" else 0


def bias_of(step: Step) -> np.ndarray | None:
    """The stored bias, one value for each output channel."""
    bias = (*step.values[data_slot(step.op.name) :], None, None)
    found = bias[1] if step.op.name == "TRANSPOSE_CONV" else bias[2]
    return None if found is None else found.reshape(-1)


def _multiplied_in_float32(step: Step) -> bool:
    """Whether TFLite takes the product of both scales in float32, for lack of channels."""
    return step.op.name == "FULLY_CONNECTED" or step.result.dtype == "uint8"


@computes("ADD", "SUB")
def add(step: Step) -> np.ndarray:
    shift = 15 if step.result.dtype == "int16" else 20
    first, second = step.scale(0), step.scale(1)
    twice = float(np.float32(2) * max(first, second))
    terms = [
        scaled(step.centred(slot) << shift, float(scale) / twice)
        for slot, scale in ((0, first), (1, second))
    ]
    total = terms[0] + terms[1] if step.op.name == "ADD" else terms[0] - terms[1]
    factor = twice / float(np.float32(1 << shift) * step.out_scale)
    return step.stored(scaled(total, factor), step.options.activation if step.options else "NONE")


@computes("MUL")
def multiply(step: Step) -> np.ndarray:
    product = step.centred(0) * step.centred(1)
    factor = float(step.scale(0) * step.scale(1) / step.out_scale)
    return step.stored(scaled(product, factor), step.options.activation if step.options else "NONE")


@computes("PRELU")
def prelu(step: Step) -> np.ndarray:
    value, slope = step.centred(0), step.centred(1)
    straight = scaled(value, float(step.scale(0) / step.out_scale))
    bent = scaled(value * slope, float(step.scale(0) * step.scale(1) / step.out_scale))
    return step.stored(np.where(value >= 0, straight, bent))


@computes("LEAKY_RELU")
def leaky_relu(step: Step) -> np.ndarray:
    value = step.centred(0)
    straight = scaled(value, float(step.scale(0) / step.out_scale))
    factor = float(step.scale(0) * np.float32(step.options.alpha) / step.out_scale)
    bent = np.sign(factor).astype(np.int64) * scaled(value, abs(factor))
    return step.stored(np.where(value >= 0, straight, bent))


@computes("RELU", "RELU6", "RELU_N1_TO_1")
def relu(step: Step) -> np.ndarray:
    moved = scaled(step.centred(0), float(step.scale(0) / step.out_scale))
    return step.stored(moved, step.op.name)


@computes("ABS")
def absolute(step: Step) -> np.ndarray:
    factor = float(step.scale(0) / step.out_scale)
    return step.stored(scaled(np.abs(step.centred(0)), factor))


@computes("AVERAGE_POOL_2D")
def average_pool(step: Step) -> np.ndarray:
    """Averages stored integers, whose zero point is the result's, too."""
    means = round_away(step.lowered(step.centred(0) + _zero(step)))
    return step.stored(means - _zero(step), step.options.activation)


def _zero(step: Step) -> int:
    return (*step.quantisation(0).zero_point, 0)[0]


@computes("RESIZE_BILINEAR")
def resize_bilinear(step: Step) -> np.ndarray:
    """Weights in steps of 2^−10. They add up to one, so stored integers keep their zero point."""
    stored = step.values[0]
    assert stored is not None
    height, width = step.result.shape[1:3]
    top, bottom, down = _places(stored.shape[1], height, step)
    left, right, across = _places(stored.shape[2], width, step)
    x = stored.astype(np.int64)
    down, across = down[:, None, None], across[:, None]
    rows = [
        x[:, row][:, :, left] * (1024 - across) + x[:, row][:, :, right] * across
        for row in (top, bottom)
    ]
    total = rows[0] * (1024 - down) + rows[1] * down
    half = np.where(total > 0, 1 << 19, -(1 << 19))
    return _toward_zero(total + half, 1 << 20).astype(stored.dtype)


def _places(size: int, wanted: int, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row of the result: the two of the source, and the second one's weight."""
    options = step.options
    if options.align_corners and wanted > 1:
        factor = (1024 * (size - 1) + (wanted - 1) // 2) // (wanted - 1)
    else:
        factor = (1024 * size + wanted // 2) // wanted
    place = np.arange(wanted, dtype=np.int64) * factor
    if options.half_pixel_centers:
        place = place + factor // 2 - 512
    first = np.clip(_toward_zero(place, 1024), 0, size - 1)
    second = np.clip(_toward_zero(place + 1023, 1024), 0, size - 1)
    return first, second, place - 1024 * first


def _toward_zero(values: np.ndarray, divisor: int) -> np.ndarray:
    """C's integer division."""
    return np.asarray(np.sign(values) * (np.abs(values) // divisor), np.int64)


@computes("QUANTIZE")
def quantize(step: Step) -> np.ndarray:
    given, wanted = step.values[0], step.result.quantisation
    assert given is not None and wanted is not None
    if given.dtype == np.float32:
        return quantise(given, wanted, step.result.dtype)
    factor = float(step.scale(0)) / float(step.out_scale)
    return step.stored(scaled(step.centred(0), factor))


@computes("DEQUANTIZE")
def dequantize(step: Step) -> np.ndarray:
    given = step.values[0]
    assert given is not None
    tensor = step.operands[0]
    return dequantise(given, None if tensor is None else tensor.quantisation, str(tensor))
