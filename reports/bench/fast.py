"""`blazepalm.fast`: the quickest form of a readable module on this machine, chosen by measurement.

A form is another way to compute the same outputs: PyTorch's own kernels on channels-last maps, or
ExecuTorch with XNNPACK's kernels where it is installed. Each is compared with the module in float64
first. Its error is counted in floors: what float32 itself costs in the plain module, at least half
a float32 spacing at each output's peak. A form beyond parity's limit is refused.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import truediv
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from blazepalm.errors import CouldNotVerify, unknown_name
from blazepalm.reports.judge.policy import LIMITS

if TYPE_CHECKING:
    from torch import Tensor, nn

M = TypeVar("M", bound="nn.Module")
Forward = Callable[["Tensor"], Any]  # (B, 3, H, W) → the module's named tuple

PLAIN, CHANNELS_LAST, EXECUTORCH = "plain", "channels-last", "executorch"
FORMS = (CHANNELS_LAST, EXECUTORCH)
IMAGES, SEED = 3, 0  # for the error
WARM_UP, ROUNDS = 3, 11  # for the time: medians over rounds in which the forms take turns


@dataclass(frozen=True)
class Form:
    """One form as measured: its largest error in floors, and how many times as fast as the plain
    module it is on one image.
    """

    name: str
    floors: float
    speed: float

    @property
    def exact(self) -> bool:
        return self.floors <= LIMITS.float32_multiple

    def __str__(self) -> str:
        refused = "" if self.exact else f", refused (limit {LIMITS.float32_multiple:g})"
        return (
            f"{self.name}: {self.speed:.2f} × the plain module, {self.floors:.2f} floors{refused}"
        )


def tell(line: str) -> None:
    print(line, file=sys.stderr)


def fast(module: M, form: str | None = None, notice: Callable[[str], None] = tell) -> M:
    """A copy of a `PalmDetector` or `HandLandmarks` that shares its weights and computes by the
    quickest form: the same methods and outputs, no gradients. It shows later changes of the weights
    only in the plain form. `form` ("channels-last", "executorch") leaves no choice. `notice` takes
    each form's error and speed, and what was chosen.

    Raises TypeError for another module, ValueError for one that is not in float32 on the CPU or for
    an unknown form, CouldNotVerify if `form` is not installed or beyond the limit.
    """
    check_module(module)
    if form is not None and form not in FORMS:
        raise ValueError(unknown_name("form", form, FORMS))
    forwards: dict[str, Forward] = {PLAIN: module}
    for name in FORMS if form is None else (form,):
        try:
            forwards[name] = MAKERS[name](module)
        except CouldNotVerify as error:
            if form is not None:
                raise
            notice(f"{name}: {error}")
    measured = measure(module, forwards)
    for each in measured:
        notice(str(each))
    exact = [each for each in measured if each.exact]
    if form is not None and not exact:
        raise CouldNotVerify(f"{measured[0]}")
    best = max(exact, key=lambda each: each.speed, default=None)
    if best is None or (form is None and best.speed <= 1):
        notice("chosen: the plain module")
        return copy.copy(module).eval()
    notice(f"chosen: {best.name}")
    twin = copy.copy(module)
    twin.forward = without_gradients(forwards[best.name])
    return twin


def check_module(module: object) -> None:
    """Raises as `fast` does."""
    import torch

    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

    if not isinstance(module, PalmDetector | HandLandmarks):
        kind = type(module).__name__
        raise TypeError(f"expected a PalmDetector or a HandLandmarks, got {kind}")
    parameter = next(module.parameters())
    if parameter.dtype != torch.float32 or parameter.device.type != "cpu":
        raise ValueError(
            f"the module is in {str(parameter.dtype).removeprefix('torch.')} on "
            f"{parameter.device}; fast takes float32 on the CPU"
        )


def measure(module: Any, forwards: dict[str, Forward]) -> list[Form]:
    """Every form but the plain one, on seeded images, with torch's threads as they are set."""
    import torch

    random = np.random.Generator(np.random.PCG64(SEED))
    shape: tuple[int, ...] = (IMAGES, module.spec.backbone.stem.in_channels)
    shape += tuple(module.spec.input_size)
    low, high = module.spec.value_range
    images = torch.from_numpy(random.uniform(low, high, shape).astype(np.float32))
    with torch.no_grad():
        exact = values(copy.deepcopy(module).eval().double()(images.double()))
        costs = [
            max(float((found - truth).abs().max()), half_spacing(truth))
            for found, truth in zip(values(module(images)), exact, strict=True)
        ]
        floors = {
            name: max(
                float((found - truth).abs().max()) / cost
                for found, truth, cost in zip(values(forward(images)), exact, costs, strict=True)
            )
            for name, forward in forwards.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in forwards}
        for turn in range(WARM_UP + ROUNDS):
            for name, forward in forwards.items():
                start = time.perf_counter()
                forward(images[:1])
                if turn >= WARM_UP:
                    seconds[name].append(time.perf_counter() - start)
    return [
        Form(name, floors[name], statistics.median(map(truediv, seconds[PLAIN], seconds[name])))
        for name in forwards
        if name != PLAIN
    ]


def values(output: Any) -> "list[Tensor]":
    """The outputs that the module has, in float64."""
    return [value.double() for value in output if value is not None]


def half_spacing(truth: "Tensor") -> float:
    """Half a float32 spacing at the peak."""
    return float(np.spacing(np.float32(truth.abs().max()))) / 2


def without_gradients(forward: Forward) -> Forward:
    def run(images: "Tensor") -> Any:
        import torch

        with torch.no_grad():
            return forward(images)

    return run


def channels_last(module: "nn.Module") -> Forward:
    import torch

    turned: Any = copy.deepcopy(module).eval()
    turned.to(memory_format=torch.channels_last)
    return lambda images: turned(images.contiguous(memory_format=torch.channels_last))


def executorch(module: Any) -> Forward:
    """The program is lowered in some ten seconds the first time, then kept (`pte_cache`)."""
    import torch

    from blazepalm.converter.pte import missing_executorch, output_fields
    from blazepalm.converter.pte_cache import cached_program
    from blazepalm.models.hand_landmarks import HandLandmarks, HandOutput
    from blazepalm.models.layers import image_batch
    from blazepalm.models.palm_detector import PalmOutput
    from blazepalm.models.spec_json import spec_to_dict
    from blazepalm.reports.backends.executorch import load_program

    if (reason := missing_executorch()) is not None:
        raise CouldNotVerify(reason)
    spec = module.spec
    channels, fields = spec.backbone.stem.in_channels, output_fields(module)
    shapes = ((1, channels, *spec.input_size),)
    name = type(module).__name__
    content = cached_program(module, shapes, spec_to_dict(spec), name)
    program = load_program(content, name)
    kind = HandOutput if isinstance(module, HandLandmarks) else PalmOutput

    def run(images: "Tensor") -> Any:
        image_batch(images, channels, spec.input_size)
        rows = [program([image[None].contiguous()]) for image in images]
        joined = [torch.cat(column) for column in zip(*rows, strict=True)]
        return kind(**dict(zip(fields, joined, strict=True)))

    return run


MAKERS: dict[str, Callable[[Any], Forward]] = {
    CHANNELS_LAST: channels_last,
    EXECUTORCH: executorch,
}
