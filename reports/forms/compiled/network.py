"""A readable module computed by `kernels.cpp`, one image at a time."""

import ctypes
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.pte import output_fields
from blazepalm.reports.forms.compiled.build import library
from blazepalm.reports.forms.compiled.lower import lower
from blazepalm.reports.forms.compiled.lowering import Output
from blazepalm.reports.forms.compiled.steps import aligned

if TYPE_CHECKING:
    from torch import Tensor

Compute = Callable[["Tensor"], Sequence["Tensor"]]  # (1, 3, H, W) → the outputs


class Network:
    """A module's steps, with its present weights. Up to `threads` threads share an image.

    Raises CouldNotVerify where the kernels cannot be compiled.
    """

    def __init__(self, module: Any, threads: int) -> None:
        self.library, self.threads = library(), threads
        steps, outputs = lower(module, self.library.sizes, threads)
        maps = [output.map for parts in outputs.values() for output in parts]
        self.steps, self.weights, self.size = steps.laid_out(maps)
        self.outputs = {name: outputs[name] for name in output_fields(module)}
        self.spec = module.spec
        self.own = threading.local()

    def computing(self, threads: int) -> Compute:
        """A function of one image, shared by this many threads."""

        def compute(image: "Tensor") -> "Sequence[Tensor]":
            if not hasattr(self.own, "workplace"):
                self.own.workplace = Workplace(self)
            found: Sequence[Tensor] = self.own.workplace.compute(image, threads)
            return found

        return compute


class Workplace:
    """What one calling thread needs: the arena with its maps, and the threads that help."""

    def __init__(self, network: Network) -> None:
        import torch

        self.network = network
        self.arena = aligned(np.zeros(network.size, np.float32))
        scratch = network.library.sizes.scratch * network.threads
        self.scratch = aligned(np.zeros(scratch, np.float32))
        self.arrived = ctypes.c_int64()
        self.maps = torch.from_numpy(self.arena)

    @cached_property
    def helpers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.network.threads - 1, "blazepalm-compiled")

    def compute(self, image: "Tensor", threads: int) -> "Sequence[Tensor]":
        """(1, 3, H, W) float32 on the CPU → the outputs. Raises ValueError for another type."""
        import torch

        if image.dtype != torch.float32 or not image.is_cpu:
            kind = str(image.dtype).removeprefix("torch.")
            raise ValueError(f"expected float32 images on the CPU, got {kind} on {image.device}")
        given = image.contiguous()
        self.arrived.value = 0
        helping = [self.helpers.submit(self.run, given, i, threads) for i in range(1, threads)]
        self.run(given, 0, threads)
        for each in helping:
            each.result()
        return self.results()

    def run(self, image: "Tensor", part: int, parts: int) -> None:
        """One thread's part of all steps; ctypes lets other threads run meanwhile."""
        network = self.network
        network.library.run(
            ctypes.addressof(network.steps),
            len(network.steps),
            network.weights.ctypes.data,
            self.arena.ctypes.data,
            self.scratch.ctypes.data,
            image.data_ptr(),
            part,
            parts,
            ctypes.addressof(self.arrived),
        )

    def results(self) -> "Sequence[Tensor]":
        """Copies of the outputs, shaped as the module's."""
        import torch

        spec, found = self.network.spec, []
        for name, parts in self.network.outputs.items():
            maps = [self.map(output) for output in parts]
            if hasattr(spec, "coordinates"):
                values = spec.coordinates if name == "boxes" else 1
                found.append(torch.cat([each.reshape(1, -1, values) for each in maps], dim=1))
            else:
                (each,) = maps
                value = each.permute(2, 0, 1).reshape(1, -1)  # (1, C·H·W)
                sigmoid = next(o.sigmoid for o in spec.outputs if o.name == name)
                found.append(value.sigmoid() if sigmoid else value.clone())
        return found

    def map(self, output: Output) -> "Tensor":
        """(H, W, C), in the arena."""
        each = output.map
        shape = (each.height, each.width, output.end - output.begin)
        strides = (each.row, each.pixel, 1)
        return self.maps.as_strided(shape, strides, each.at(0, 0) + output.begin)
