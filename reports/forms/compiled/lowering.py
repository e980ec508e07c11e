"""Single layers → steps for `kernels.cpp`, with their weights as it reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from blazepalm.reports.forms.compiled import steps
from blazepalm.reports.forms.compiled.finish import LIMITS, NOTHING, Finish, activation_name
from blazepalm.reports.forms.compiled.kernel import (
    Kernel,
    joined,
    packed,
    packed_depthwise,
    phases,
    values,
)
from blazepalm.reports.forms.compiled.steps import Activated, Map, Place, Sizes, Steps, Window

Layer = Any  # a readable module's part; torch is not imported here


@dataclass(frozen=True)
class Output:
    """Where an output lies: channels `begin` to `end` of a map."""

    map: Map
    begin: int
    end: int


class Lowering:
    """Writes steps down. `parts`: the most threads that share an image."""

    def __init__(self, sizes: Sizes, parts: int) -> None:
        self.steps = Steps(sizes.lanes)
        self.sizes, self.parts = sizes, parts

    def image(self, channels: int, height: int, width: int) -> Map:
        made = self.steps.new_map(channels, height, width, pixel=channels)
        size = {"height": height, "width": width, "vectors": channels}
        self.steps.add(steps.INPUT, Place(made), Place(made), **size)
        return made

    def conv(self, x: Map, kernel: Kernel, finish: Finish = NOTHING) -> Map:
        """A convolution of any kind."""
        alone = finish.shortcut is None and activation_name(finish.after) == "none"
        if kernel.depthwise and alone and x.pixel % self.steps.lanes == 0:
            return self.depthwise(x, kernel, finish.before)
        kernel = kernel.dense()
        down, across = kernel.windows(x)
        made = self.steps.new_map(len(kernel.bias), down.outputs, across.outputs)
        self.product(x, down, across, kernel, finish, Place(made))
        return made

    def product(
        self,
        x: Map,
        down: Window,
        across: Window,
        kernel: Kernel,
        finish: Finish,
        target: Place,
        kind: int = steps.CONVOLUTION,
        **fields: Any,
    ) -> None:
        """The step of a matrix product over these windows. `fields`: a depthwise part before it,
        which has the windows.
        """
        if not x.ring:
            x.widen(down, across)
        first = (0, -x.margin[2]) if x.ring else (down.first, across.first)
        _, inputs, height, width = kernel.weights.shape
        self.steps.add(
            kind,
            Place(x, *first),
            target,
            height=down.outputs,
            width=across.outputs,
            stride=down.stride,
            runs=height,
            run_length=(width - 1) * x.pixel + inputs if width else 0,
            weights=self.steps.weights(packed(kernel.weights, x.pixel, self.steps.lanes)),
            bias=self.steps.per_channel(kernel.bias),
            **self.finish(finish, target.map),
            **fields,
        )

    def finish(self, finish: Finish, made: Map) -> dict[str, Any]:
        """The fields of a step for what follows it."""
        fields = {
            "before": self.activated(finish.before),
            "after": self.activated(finish.after),
            "vectors": self.steps.vectors(made.channels),
        }
        if finish.shortcut is not None:
            limits = self.activated(finish.shortcut_activation)
            kind = "clamped" if limits.kind else finish.kind
            fields |= {
                "shortcut": finish.shortcut,
                "shortcut_kind": steps.SHORTCUTS.index(kind),
                "shortcut_vectors": self.steps.vectors(finish.shortcut.map.channels),
                "limits": limits.values,
            }
        return fields

    def activated(self, layer: Layer) -> Activated:
        name, held = activation_name(layer), 0
        if name in LIMITS:
            held = self.steps.weights(
                np.repeat(np.array(LIMITS[name], np.float32), self.steps.lanes)
            )
            name = "clamp"
        elif name != "none":
            held = self.steps.per_channel(values(layer.weight).ravel())
        return Activated(steps.ACTIVATIONS.index(name), held)

    def depthwise_part(self, kernel: Kernel, activation: Layer) -> dict[str, Any]:
        """The fields of a step for a depthwise convolution."""
        return {
            "kernel_height": kernel.weights.shape[2],
            "kernel_width": kernel.weights.shape[3],
            "depthwise_vectors": self.steps.vectors(len(kernel.bias)),
            "depthwise_weights": self.steps.weights(
                packed_depthwise(kernel.weights, self.steps.lanes)
            ),
            "depthwise_bias": self.steps.per_channel(kernel.bias),
            "depthwise_activation": self.activated(activation),
        }

    def depthwise(self, x: Map, kernel: Kernel, activation: Layer) -> Map:
        down, across = kernel.windows(x)
        x.widen(down, across)
        made = self.steps.new_map(x.channels, down.outputs, across.outputs)
        self.steps.add(
            steps.DEPTHWISE,
            Place(x, down.first, across.first),
            Place(made),
            height=down.outputs,
            width=across.outputs,
            stride=down.stride,
            **self.depthwise_part(kernel, activation),
        )
        return made

    def separable(
        self, x: Map, depthwise: Kernel, activation: Layer, pointwise: Kernel, finish: Finish
    ) -> Map:
        """A depthwise convolution and the convolution after it."""
        fits = self.steps.vectors(x.channels) * self.steps.lanes <= self.sizes.scratch
        if not depthwise.depthwise or not pointwise.pointwise or not fits:
            return self.conv(self.conv(x, depthwise, Finish(activation)), pointwise, finish)
        down, across = depthwise.windows(x)
        made = self.steps.new_map(len(pointwise.bias), down.outputs, across.outputs)
        part = self.depthwise_part(depthwise, activation)
        self.product(x, down, across, pointwise, finish, Place(made), **part)
        return made

    def transposed(self, x: Map, layer: Layer, finish: Finish) -> Map:
        """A `TransposedConv2d`."""
        height, width, parts = phases(layer, x)
        made = self.steps.new_map(layer.out_channels, height, width)
        for part in parts:
            y, z, step = part.y, part.x, layer.stride[0]
            own = finish
            if finish.shortcut is not None:
                own = replace(finish, shortcut=Place(finish.shortcut.map, y, z, step))
            self.product(x, part.down, part.across, part.kernel, own, Place(made, y, z, step))
        return made

    def resize(self, x: Map, size: Sequence[int], finish: Finish = NOTHING) -> Map:
        """Bilinear, as `interpolate` without aligned corners."""
        made = self.steps.new_map(x.channels, *size)
        self.steps.add(
            steps.RESIZE,
            Place(x),
            Place(made),
            height=size[0],
            width=size[1],
            in_height=x.height,
            in_width=x.width,
            stride=1,
            **self.finish(finish, made),
        )
        return made

    def mean(self, x: Map) -> Map:
        made = self.steps.new_map(x.channels, 1, 1)
        size = {"in_height": x.height, "in_width": x.width, "height": 1, "width": 1, "stride": 1}
        vectors = self.steps.vectors(x.channels)
        self.steps.add(steps.MEAN, Place(x), Place(made), vectors=vectors, **size)
        return made

    def heads(self, x: Map, kernels: Mapping[str, Kernel]) -> dict[str, Output]:
        """Convolutions that read the same map: as one, if they read it alike."""
        whole = joined(list(kernels.values()))
        if whole is None:
            alone = {name: self.conv(x, kernel) for name, kernel in kernels.items()}
            return {name: Output(made, 0, made.channels) for name, made in alone.items()}
        made, found, begin = self.conv(x, whole), {}, 0
        for name, kernel in kernels.items():
            found[name] = Output(made, begin, begin + len(kernel.bias))
            begin += len(kernel.bias)
        return found
