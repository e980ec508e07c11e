"""Where float32 pays in a float16 package: what each block of a network costs in float16, and how
package size and error trade along the best choices.

It runs in torch: every value of a float16 block, and its weights, are rounded to float16, and sums
are in float32, as the executor of packages computes. The `float32_modules` of the landmark releases
in `releases.toml` were chosen from these figures.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import CouldNotVerify
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.inputs import own_cases
from blazepalm.reports.cases.palm import locate_hands
from blazepalm.reports.engine.groups import COMPANION
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

BATCH = 8  # crops at once
HEADS = "heads"
STEP = 1.35  # from one choice to the next, in bytes
LARGEST_SHARE = 0.34  # of the weights


@dataclass(frozen=True)
class Choice:
    """What a package costs with `float32` blocks: `share` of the float16 weights' bytes that they
    add, and over all crops the largest error, the 99th percentile, the median (each crop's largest
    landmark error, in pixels of the input).
    """

    float32: tuple[str, ...]
    share: float
    largest: float
    p99: float
    median: float


class Rounded:
    """One landmark network as a package would compute it, for any choice of float32 blocks."""

    def __init__(self, subject: Subject, crops: np.ndarray) -> None:
        import torch

        from blazepalm.converter.coreml.faces import face_module
        from blazepalm.converter.coreml.trace import trace

        self.network = subject.converted.module
        self.face = face_module(subject.converted, "raw")
        self.traced = trace(self.face, subject.converted.graph)
        self.landmarks = subject.fields.index("landmarks")
        self.crops = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
        self.blocks = tuple(
            dict.fromkeys(
                block_of(path)
                for node, path in self.traced.paths.items()
                if node.op in ("call_function", "call_method")
            )
        )
        self.exact = self._run(self.blocks)

    def bytes_of(self, blocks: Collection[str]) -> int:
        """The float16 weights' size."""
        return 2 * sum(
            parameter.numel()
            for name, parameter in self.network.named_parameters()
            if block_of(name) in blocks
        )

    def errors(self, float32: Collection[str]) -> np.ndarray:
        """(N,) each crop's largest landmark error with these blocks in float32."""
        moved = (self._run(float32) - self.exact).reshape(len(self.crops), -1, 3)[..., :2]
        found: np.ndarray = np.hypot(moved[..., 0], moved[..., 1]).max(axis=1)
        return found

    def choice(self, float32: Sequence[str]) -> Choice:
        errors = self.errors(float32)
        share = self.bytes_of(float32) / self.bytes_of(self.blocks)
        p99, median = np.quantile(errors, (0.99, 0.5))
        return Choice(tuple(float32), share, float(errors.max()), float(p99), float(median))

    def _run(self, float32: Collection[str]) -> np.ndarray:
        import torch

        single = {n for n, path in self.traced.paths.items() if block_of(path) in float32}
        found = []
        with torch.no_grad():
            for start in range(0, len(self.crops), BATCH):
                outputs = self._interpret(self.crops[start : start + BATCH], single)
                found.append(outputs[self.landmarks].double().numpy())
        return np.concatenate(found)

    def _interpret(self, images: "torch.Tensor", single: Collection[Any]) -> Any:
        from torch.fx import Interpreter, Node

        class Rounding(Interpreter):
            half = False

            def run_node(self, node: Node) -> Any:
                self.half = node.op in ("call_function", "call_method") and node not in single
                return _halved(super().run_node(node)) if self.half else super().run_node(node)

            def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
                return super().call_function(target, _halved(args) if self.half else args, kwargs)

            def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
                return super().call_method(target, _halved(args) if self.half else args, kwargs)

        return Rounding(self.face, graph=self.traced.graph).run(images)


def _halved(values: Any) -> Any:
    """Every float32 tensor in `values` rounded to float16."""
    from torch import Tensor
    from torch.fx.node import map_aggregate

    def rounded(value: Any) -> Any:
        some = isinstance(value, Tensor) and value.is_floating_point()
        return value.half().float() if some else value

    return map_aggregate(values, rounded)


def block_of(path: str) -> str:
    """The block that a call or parameter belongs to: `backbone.stage2.block0`, `heads`."""
    parts = path.split(".")
    if parts[0] == HEADS:
        return HEADS
    blocks = [i for i, part in enumerate(parts) if part.startswith("block")]
    if blocks:
        return ".".join(parts[: blocks[0] + 1])
    return ".".join(parts[:2])


def bench_precision(source: str, pictures: Sequence[str]) -> tuple[Choice, ...]:
    """The choices for a landmark model's file or release, on the hands in `pictures` (or videos):
    the heads alone, then more and more of the first blocks, to a third of the weights.

    Raises BlazePalmError if the model cannot be read, CouldNotVerify if it is no landmark model or
    the pictures hold no hand.
    """
    hand, palm = (
        open_subject(name, resolve(name).read_bytes(), workers=1, packages=None, only=(TFLITE,))
        for name in (source, COMPANION)
    )
    if hand.family != "hand":
        raise CouldNotVerify(f"{source}: is no landmark model, whose blocks alone are measured")
    with one_torch_thread():
        crops = crops_of(hand, palm, pictures)
        rounded = Rounded(hand, crops)
        return tuple(map(rounded.choice, _first_blocks(rounded)))


def shown(choices: Sequence[Choice]) -> str:
    """One line for each choice."""
    lines = ["float32 until                   weights  largest   99 %    half"]
    for choice in choices:
        name = choice.float32[-1]
        figures = f"{choice.largest:8.3f} {choice.p99:8.3f} {choice.median:8.3f}"
        lines.append(f"{name:<30} {choice.share:7.1%} {figures}")
    return "\n".join(lines)


def crops_of(hand: Subject, palm: Subject, pictures: Sequence[str]) -> np.ndarray:
    """(N, H, W, 3) in the value range: every region that the detector finds in the pictures."""
    chain = hand.hand_chain(TFLITE)
    found = [
        chain.crop(case.image, region)[0]
        for case in own_cases(pictures)
        if case.image is not None
        for region in locate_hands(palm, case.image).regions
    ]
    if not found:
        raise CouldNotVerify(f"{', '.join(pictures)}: no hand was found to measure on")
    return np.concatenate(found)


def _first_blocks(rounded: Rounded) -> list[list[str]]:
    heads = [block for block in rounded.blocks if block == HEADS]
    choices, size = [heads], 0.0
    blocks = [block for block in rounded.blocks if block.startswith(("backbone", "neck", "trunk"))]
    for count in range(1, len(blocks) + 1):
        share = rounded.bytes_of(blocks[:count]) / rounded.bytes_of(rounded.blocks)
        if share > LARGEST_SHARE:
            break
        if share >= STEP * size:  # others differ too little
            choices.append([*heads, *blocks[:count]])
            size = share
    return choices
