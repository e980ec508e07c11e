"""Measures the forms of a readable module: each one's error in floors, and its time.

A floor is what float32 itself costs in the plain module: its largest error against the module in
float64, at least half a float32 spacing at each output's peak.
"""

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import truediv
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.errors import CouldNotVerify
from blazepalm.models.spec import Spec
from blazepalm.reports.forms.make import PLAIN, Forward

if TYPE_CHECKING:
    from torch import Tensor

FLOORS = 10.0  # the largest error of a form, as for a backend in parity (`judge.policy`)
IMAGES, SEED = 3, 0  # for the error
WARM_UP, ROUNDS = 1, 11  # for the time: medians over rounds in which the forms take turns
BATCH_ROUNDS = 3  # for batches


@dataclass(frozen=True)
class Form:
    """One form as measured: its largest error in floors, how many times as fast as the plain
    module it is, and its seconds for an image.
    """

    name: str
    floors: float
    speed: float
    seconds: float

    @property
    def exact(self) -> bool:
        return self.floors <= FLOORS

    def __str__(self) -> str:
        refused = "" if self.exact else f", refused (limit {FLOORS:g})"
        return (
            f"{self.name}: {self.speed:.2f} × the plain module, {self.floors:.2f} floors{refused}"
        )


def measure(module: Any, forwards: Mapping[str, Forward], batch: int = 1) -> list[Form]:
    """Every form on seeded images, the plain module first, with torch's threads as they are set."""
    import torch

    images = seeded_images(module.spec, max(IMAGES, batch))
    few = torch.from_numpy(images[:IMAGES])
    floors = errors(module, forwards, few)
    given = torch.from_numpy(images[:batch])
    with torch.no_grad():
        actions = {name: _calling(forward, given) for name, forward in forwards.items()}
        rounds = ROUNDS if batch == 1 else BATCH_ROUNDS
        seconds = in_turns(actions, rounds, batch, torch.get_num_threads())
    return [
        Form(
            name,
            floors[name],
            statistics.median(map(truediv, seconds[PLAIN], seconds[name])),
            statistics.median(seconds[name]) / batch,
        )
        for name in forwards
    ]


def seeded_images(spec: Spec, count: int) -> NDArray[np.float32]:
    """(count, 3, H, W) float32, uniform in the release's range."""
    random = np.random.Generator(np.random.PCG64(SEED))
    shape = (count, spec.backbone.stem.in_channels, *spec.input_size)
    low, high = spec.value_range
    return random.uniform(low, high, shape).astype(np.float32)


def errors(module: Any, forwards: Mapping[str, Forward], images: "Tensor") -> dict[str, float]:
    """Each form's largest error in floors, on all images together and on the first alone. Raises
    CouldNotVerify if the module's own outputs are no numbers.
    """
    import torch

    with torch.no_grad():
        exact = values(copy.deepcopy(module).eval().double()(images.double()))
        if not all(bool(truth.isfinite().all()) for truth in exact):
            raise CouldNotVerify(
                f"{type(module).__name__}: its outputs hold NaN or infinity even in float64, so no "
                "form can be compared with it; check its weights"
            )
        costs = [
            max(_largest(found - truth), half_spacing(truth))
            for found, truth in zip(values(module(images)), exact, strict=True)
        ]

        def floors(forward: Forward, count: int) -> float:
            found = zip(values(forward(images[:count])), exact, costs, strict=True)
            return max(_largest(value - truth[:count]) / cost for value, truth, cost in found)

        return {
            name: max(floors(forward, len(images)), floors(forward, 1))
            for name, forward in forwards.items()
        }


def in_turns(
    actions: Mapping[str, Callable[[], Any]], rounds: int, batch: int = 1, threads: int = 1
) -> dict[str, list[float]]:
    """Seconds of each action in each round, after `WARM_UP` rounds. On a single image it runs twice
    and the second counts: the first finds the caches and threads of the action before. With one
    thread it is the processor's time, which other load on the machine lengthens little.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(WARM_UP + rounds):
        for name, action in actions.items():
            if batch == 1:
                action()
            start = clock()
            action()
            if turn >= WARM_UP:
                seconds[name].append(clock() - start)
    return seconds


def _calling(forward: Forward, images: "Tensor") -> Callable[[], Any]:
    return lambda: forward(images)


def values(output: Any) -> "list[Tensor]":
    """The outputs that the module has, in float64."""
    return [value.double() for value in output if value is not None]


def _largest(difference: "Tensor") -> float:
    return float(difference.abs().max())


def half_spacing(truth: "Tensor") -> float:
    """Half a float32 spacing at the peak."""
    return float(np.spacing(np.float32(truth.abs().max()))) / 2
