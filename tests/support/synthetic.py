"""A detector built like palm-2019-08, the one release whose file is not at hand: 256×256
input, BlazeBlocks down to 8×8, `Convolution2DTransposeBias` back up to 32×32, 2944 anchors,
opcodes in `deprecated_builtin_code` alone, few channels and seeded weights.

With it comes a witness that shares nothing with the converter: each operator once more in
plain float64 NumPy, as TFLite and MediaPipe define it. Also copies of real models with
something changed that must not matter.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from support.tflite_builder import AlignedBuffer, ModelBuilder

ANCHORS = 2944  # 32²·2 + 16²·2 + 8²·6
Step = Callable[[dict[int, np.ndarray]], None]


@dataclass(frozen=True)
class SyntheticPalm:
    """`content` is the file; `operators` counts its custom operators."""

    content: bytes
    custom_operators: int
    _image: int
    _outputs: tuple[int, int]
    _steps: tuple[Step, ...] = field(repr=False)

    def evaluate(self, image_nhwc: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs for (1, 256, 256, 3), computed operator by operator in float64 NumPy."""
        values = {self._image: image_nhwc.astype(np.float64)}
        for step in self._steps:
            step(values)
        boxes, scores = (values[t] for t in self._outputs)
        return {"regressors": boxes, "classificators": scores}


def synthetic_palm(
    *, seed: int = 1, activation: str = "PRELU", transposed_kernel: int = 2, stem_kernel: int = 5
) -> SyntheticPalm:
    """Builds the model. `activation` is RELU or PRELU, between blocks and behind each
    transposed convolution, whose kernel is 2 or 3 wide.
    """
    net = _Builder(np.random.default_rng(seed), activation)
    image = net.model.tensor((1, 256, 256, 3), name="input")
    x = net.activate(net.conv(image, 8, stem_kernel, stride=2))  # 128×128×8
    x = net.block(x, 8)
    x = net.block(x, 8)
    for channels in (12, 16):  # 64×64×12, 32×32×16
        x = net.block(x, channels, stride=2)
        x = net.block(x, channels)
    at32 = x
    x = net.block(x, 20, stride=2)  # 16×16×20
    x = net.block(x, 20)
    at16 = x
    x = net.block(x, 20, stride=2)  # 8×8×20, halved without new channels
    at8 = net.block(x, 20)
    up16 = net.add(at16, net.activate(net.transposed(at8, 20, transposed_kernel)))
    up16 = net.block(up16, 20)
    up32 = net.add(at32, net.activate(net.transposed(up16, 16, transposed_kernel)))
    up32 = net.block(up32, 16)
    scores, boxes = [], []
    for x, anchors in ((up32, 2), (up16, 2), (at8, 6)):
        cells = net.shape(x)[1] * net.shape(x)[2]
        scores.append(net.reshape(net.conv(x, anchors, 1), (1, cells * anchors, 1)))
        boxes.append(net.reshape(net.conv(x, anchors * 18, 1), (1, cells * anchors, 18)))
    score_output = net.concatenate(scores, "classificators")
    box_output = net.concatenate(boxes, "regressors")
    content = net.model.build([image], [box_output, score_output], deprecated_opcodes_only=True)
    return SyntheticPalm(content, 2, image, (box_output, score_output), tuple(net.steps))


class _Builder:
    """Writes each operator twice: into the flatbuffer, and as a NumPy step."""

    def __init__(self, rng: np.random.Generator, activation: str) -> None:
        self.model = ModelBuilder("synthetic palm")
        self.rng = rng
        self.activation = activation
        self.steps: list[Step] = []

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.model.graph.tensors[tensor].shape)

    def weight(self, shape: tuple[int, ...], fan_in: int) -> tuple[int, np.ndarray]:
        data = (self.rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
        return self.model.tensor(shape, data=data), data.astype(np.float64)

    def conv(self, x: int, channels: int, kernel: int, stride: int = 1) -> int:
        n, h, w, inner = self.shape(x)
        weights, kernel_ohwi = self.weight((channels, kernel, kernel, inner), inner * kernel**2)
        bias, bias_o = self.weight((channels,), 16)
        y = self.model.tensor((n, h // stride, w // stride, channels))
        options = schema.Conv2DOptionsT(padding=0, strideH=stride, strideW=stride)
        self.model.operator("CONV_2D", [x, weights, bias], [y], options)
        self._step(y, lambda v: conv2d(v[x], kernel_ohwi, stride) + bias_o)
        return y

    def depthwise(self, x: int, kernel: int, stride: int) -> int:
        n, h, w, channels = self.shape(x)
        weights, kernel_1hwc = self.weight((1, kernel, kernel, channels), kernel**2)
        bias, bias_c = self.weight((channels,), 16)
        y = self.model.tensor((n, h // stride, w // stride, channels))
        options = schema.DepthwiseConv2DOptionsT(
            padding=0, strideH=stride, strideW=stride, depthMultiplier=1
        )
        self.model.operator("DEPTHWISE_CONV_2D", [x, weights, bias], [y], options)
        self._step(y, lambda v: depthwise2d(v[x], kernel_1hwc, stride) + bias_c)
        return y

    def transposed(self, x: int, channels: int, kernel: int) -> int:
        n, h, w, inner = self.shape(x)
        weights, kernel_ohwi = self.weight((channels, kernel, kernel, inner), inner)
        bias, bias_o = self.weight((channels,), 16)
        y = self.model.tensor((n, 2 * h, 2 * w, channels))
        self.model.operator(
            "Convolution2DTransposeBias",
            [x, weights, bias],
            [y],
            custom_options=struct.pack("<iii", 1, 2, 2),  # SAME, stride width, stride height
        )
        self._step(y, lambda v: transposed2d(v[x], kernel_ohwi, 2) + bias_o)
        return y

    def activate(self, x: int) -> int:
        channels = self.shape(x)[-1]
        y = self.model.tensor(self.shape(x))
        if self.activation == "RELU":
            self.model.operator("RELU", [x], [y])
            self._step(y, lambda v: np.maximum(v[x], 0.0))
            return y
        slopes = self.rng.uniform(0.0, 0.4, (1, 1, channels)).astype(np.float32)
        slope = self.model.tensor((1, 1, channels), data=slopes)
        self.model.operator("PRELU", [x, slope], [y])
        slopes64 = slopes.astype(np.float64)
        self._step(y, lambda v: np.where(v[x] < 0.0, v[x] * slopes64, v[x]))
        return y

    def add(self, a: int, b: int) -> int:
        y = self.model.tensor(self.shape(a))
        self.model.operator("ADD", [a, b], [y], schema.AddOptionsT())
        self._step(y, lambda v: v[a] + v[b])
        return y

    def max_pool(self, x: int) -> int:
        n, h, w, c = self.shape(x)
        y = self.model.tensor((n, h // 2, w // 2, c))
        options = schema.Pool2DOptionsT(
            padding=0, strideH=2, strideW=2, filterHeight=2, filterWidth=2
        )
        self.model.operator("MAX_POOL_2D", [x], [y], options)
        self._step(y, lambda v: v[x].reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4)))
        return y

    def pad_channels(self, x: int, channels: int) -> int:
        n, h, w, c = self.shape(x)
        paddings = np.array([[0, 0], [0, 0], [0, 0], [0, channels - c]], np.int32)
        constant = self.model.tensor((4, 2), "int32", paddings)
        y = self.model.tensor((n, h, w, channels))
        self.model.operator("PAD", [x, constant], [y], schema.PadOptionsT())
        self._step(y, lambda v: np.pad(v[x], paddings))
        return y

    def block(self, x: int, channels: int, stride: int = 1) -> int:
        """A BlazeBlock: depthwise, pointwise, shortcut, activation."""
        y = self.conv(self.depthwise(x, 5, stride), channels, 1)
        shortcut = self.max_pool(x) if stride == 2 else x
        if channels > self.shape(shortcut)[-1]:
            shortcut = self.pad_channels(shortcut, channels)
        return self.activate(self.add(shortcut, y))

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        y = self.model.tensor(shape)
        self.model.operator("RESHAPE", [x], [y], schema.ReshapeOptionsT(newShape=list(shape)))
        self._step(y, lambda v: v[x].reshape(shape))
        return y

    def concatenate(self, parts: list[int], name: str) -> int:
        rows = sum(self.shape(p)[1] for p in parts)
        y = self.model.tensor((1, rows, self.shape(parts[0])[2]), name=name)
        self.model.operator("CONCATENATION", parts, [y], schema.ConcatenationOptionsT(axis=1))
        self._step(y, lambda v: np.concatenate([v[p] for p in parts], axis=1))
        return y

    def _step(self, y: int, function: Callable[[dict[int, np.ndarray]], np.ndarray]) -> None:
        shape = self.shape(y)

        def step(values: dict[int, np.ndarray]) -> None:
            values[y] = function(values)
            assert values[y].shape == shape, f"tensor {y}: {values[y].shape}, the file has {shape}"

        self.steps.append(step)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME: just enough zeros, the odd one behind."""
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def conv2d(x: np.ndarray, kernel_ohwi: np.ndarray, stride: int) -> np.ndarray:
    """(N, H, W, I) and (O, h, w, I) → (N, H/stride, W/stride, O), SAME."""
    taps = _windows(x, kernel_ohwi.shape[1:3], stride)
    y: np.ndarray = np.sum([window @ kernel_ohwi[:, dy, dx].T for dy, dx, window in taps], axis=0)
    return y


def depthwise2d(x: np.ndarray, kernel_1hwc: np.ndarray, stride: int) -> np.ndarray:
    """(N, H, W, C) and (1, h, w, C) → (N, H/stride, W/stride, C), SAME."""
    taps = _windows(x, kernel_1hwc.shape[1:3], stride)
    y: np.ndarray = np.sum([window * kernel_1hwc[0, dy, dx] for dy, dx, window in taps], axis=0)
    return y


def transposed2d(x: np.ndarray, kernel_ohwi: np.ndarray, stride: int) -> np.ndarray:
    """(N, h, w, I) and (O, k, k, I) → (N, stride·h, stride·w, O): every input pixel is spread
    over the kernel; for SAME the sum is cut as MediaPipe's operator cuts it.
    """
    n, h, w, _ = x.shape
    o, kh, kw, _ = kernel_ohwi.shape
    full = np.zeros((n, stride * (h - 1) + kh, stride * (w - 1) + kw, o))
    for dy in range(kh):
        for dx in range(kw):
            rows = slice(dy, dy + stride * (h - 1) + 1, stride)
            columns = slice(dx, dx + stride * (w - 1) + 1, stride)
            full[:, rows, columns] += x @ kernel_ohwi[:, dy, dx].T
    top = max(0, kh - (h - 1) % stride - 1) // 2
    left = max(0, kw - (w - 1) % stride - 1) // 2
    return full[:, top : top + stride * h, left : left + stride * w]


def _windows(
    x: np.ndarray, kernel: tuple[int, ...], stride: int
) -> list[tuple[int, int, np.ndarray]]:
    """For each tap of the kernel, the input pixels under it."""
    _, h, w, _ = x.shape
    padding = same_padding(h, kernel[0], stride), same_padding(w, kernel[1], stride)
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    rows, columns = (stride * (-(-size // stride) - 1) + 1 for size in (h, w))
    return [
        (dy, dx, padded[:, dy : dy + rows : stride, dx : dx + columns : stride])
        for dy in range(kernel[0])
        for dx in range(kernel[1])
    ]


def with_unused_buffer(content: bytes) -> bytes:
    """The same model with one more buffer that nothing reads: another SHA-256, nothing else
    (sparse tensors, float16 weights, metadata and options are kept).
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.buffers.append(schema.BufferT(data=np.frombuffer(b"nothing reads this", np.uint8)))
    model.buffers = [AlignedBuffer(b.data, b.offset, b.size) for b in model.buffers]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
