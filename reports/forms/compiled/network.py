"""A readable module computed by `kernels.cpp`, one image at a time."""

import ctypes
import os
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.pte import output_fields
from blazepalm.reports.forms.compiled.build import library
from blazepalm.reports.forms.compiled.lower import lower
from blazepalm.reports.forms.compiled.lowering import Output
from blazepalm.reports.forms.compiled.steps import aligned

if TYPE_CHECKING:
    from torch import Tensor


class Network:
    """A module's steps, with its present weights. `threads` threads share an image.

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

    def compute(self, image: "Tensor") -> "Sequence[Tensor]":
        """(1, 3, H, W) float32 on the CPU → the outputs. Several threads may call it at a time.

        Raises ValueError for another type.
        """
        if not hasattr(self.own, "workplace"):
            self.own.workplace = Workplace(self)
        found: Sequence[Tensor] = self.own.workplace.compute(image)
        return found


class Workplace:
    """What one calling thread needs: the arena with its maps, and the threads that help."""

    def __init__(self, network: Network) -> None:
        import torch

        self.network = network
        self.arena = aligned(np.zeros(network.size, np.float32))
        scratch = network.library.sizes.scratch * network.threads
        self.scratch = aligned(np.zeros(scratch, np.float32))
        self.team = new_team(self, network) if network.threads > 1 else None
        self.maps = torch.from_numpy(self.arena)

    def compute(self, image: "Tensor") -> "Sequence[Tensor]":
        import torch

        if image.dtype != torch.float32 or not image.is_cpu:
            kind = str(image.dtype).removeprefix("torch.")
            raise ValueError(f"expected float32 images on the CPU, got {kind} on {image.device}")
        self.run(image.contiguous())
        return self.results()

    def run(self, image: "Tensor") -> None:
        """All steps; ctypes lets other threads of Python run meanwhile."""
        network = self.network
        network.library.run(
            self.team,
            network.threads,
            ctypes.addressof(network.steps),
            len(network.steps),
            network.weights.ctypes.data,
            self.arena.ctypes.data,
            self.scratch.ctypes.data,
            image.data_ptr(),
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


def new_team(owner: Workplace, network: Network) -> Any:
    """The threads that help, for as long as their owner lives. A forked process has none of them:
    there the calling thread does everything, and nobody is waited for.
    """
    team, process = network.library.new_team(network.threads - 1), os.getpid()

    def free() -> None:
        if os.getpid() == process:
            network.library.free_team(team)

    weakref.finalize(owner, free).atexit = False
    return team
