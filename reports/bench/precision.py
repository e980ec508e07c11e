"""Where float32 pays in a float16 package: what each block of a network costs in float16, and how
package size and error trade along the best choices.

It runs in torch: every value of a float16 block, and its weights, are rounded to float16, and sums
are in float32, as the executor of packages computes. The `float32_modules` in `releases.toml` were
chosen from these figures.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import CouldNotVerify
from blazepalm.models.crop import Letterbox
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.inputs import own_cases
from blazepalm.reports.cases.palm import locate_hands
from blazepalm.reports.compare.hands import BOX_IOU, compare_detections
from blazepalm.reports.engine.groups import COMPANION
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.stages.stages import Floats, PalmRules, Raw
from blazepalm.reports.stages.ties import find_ties
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

BATCH = 8  # images at once
HEADS = "heads"
STEP = 1.35  # from one choice to the next, in bytes
LARGEST_SHARE = 0.34  # of the weights

# a network's exact outputs for N images, and others → (N,) errors
Measure = Callable[[Raw, Raw], Floats]


@dataclass(frozen=True)
class Choice:
    """What a package costs with `float32` blocks: `share` of the float16 weights' bytes that they
    add, and over all images the largest error, the 99th percentile, the median. An image's error is
    its largest landmark error in pixels of the input, or 1 − IoU of its worst palm (1: other palms
    are found).
    """

    float32: tuple[str, ...]
    share: float
    largest: float
    p99: float
    median: float


class Rounded:
    """One network as a package would compute it, for any choice of float32 blocks. `images` (N, H,
    W, C) are in the value range.
    """

    def __init__(self, subject: Subject, images: Floats, measure: Measure) -> None:
        import torch

        from blazepalm.converter.coreml.faces import face_module
        from blazepalm.converter.coreml.trace import trace

        self.network = subject.converted.module
        self.face = face_module(subject.converted, "raw")
        self.traced = trace(self.face, subject.converted.graph)
        self.fields = subject.fields
        self.measure = measure
        self.images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        self.blocks = tuple(
            dict.fromkeys(
                block_of(path)
                for node, path in self.traced.paths.items()
                if node.op in ("call_function", "call_method")
            )
        )
        self.exact = self.run(self.blocks)

    def bytes_of(self, blocks: Collection[str]) -> int:
        """The float16 weights' size."""
        return 2 * sum(
            parameter.numel()
            for name, parameter in self.network.named_parameters()
            if block_of(name) in blocks
        )

    def errors(self, float32: Collection[str]) -> Floats:
        """(N,) each image's error with these blocks in float32."""
        return self.measure(self.exact, self.run(float32))

    def choice(self, float32: Sequence[str]) -> Choice:
        errors = self.errors(float32)
        share = self.bytes_of(float32) / self.bytes_of(self.blocks)
        p99, median = np.quantile(errors, (0.99, 0.5))
        return Choice(tuple(float32), share, float(errors.max()), float(p99), float(median))

    def run(self, float32: Collection[str]) -> Raw:
        """The outputs for all images by readable name, with these blocks in float32."""
        import torch

        single = {n for n, path in self.traced.paths.items() if block_of(path) in float32}
        found = []
        with torch.no_grad():
            for start in range(0, len(self.images), BATCH):
                outputs = self._interpret(self.images[start : start + BATCH], single)
                found.append([output.numpy() for output in outputs])
        return {
            name: np.concatenate(values)
            for name, values in zip(self.fields, zip(*found, strict=True), strict=True)
        }

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
    """The choices for a file or release, on the hands or palms in `pictures` (or videos): the heads
    alone, then more and more of the first blocks, to a third of the weights; for a detector also
    nothing at all, and its last blocks.

    Raises BlazePalmError if the model cannot be read, CouldNotVerify if it is neither a landmark
    model nor a detector, or the pictures hold no hand.
    """
    subject = _opened(source)
    if subject.family not in ("hand", "palm"):
        raise CouldNotVerify(
            f"{source}: is neither a landmark model nor a detector, whose blocks alone are measured"
        )
    with one_torch_thread():
        if subject.family == "palm":
            rounded = rounded_palms(subject, pictures)
            choices = [[], *_first_blocks(rounded), *_last_blocks(rounded)]
        else:
            crops = crops_of(subject, _opened(COMPANION), pictures)
            rounded = Rounded(subject, crops, landmark_errors)
            choices = _first_blocks(rounded)
        return tuple(map(rounded.choice, choices))


def shown(choices: Sequence[Choice]) -> str:
    """One line for each choice."""
    lines = [f"{'float32':<45} weights  largest     99 %     half"]
    for choice in choices:
        figures = f"{choice.largest:8.3f} {choice.p99:8.3f} {choice.median:8.3f}"
        lines.append(f"{_extent(choice):<45} {choice.share:7.1%} {figures}")
    return "\n".join(lines)


def _extent(choice: Choice) -> str:
    """Its blocks in a few words."""
    blocks = [block for block in choice.float32 if block != HEADS]
    if not choice.float32:
        return "none"
    if not blocks:
        return HEADS
    if blocks[0].endswith("stem"):
        return f"heads, until {blocks[-1]}"
    return f"heads, from {blocks[0]}"


def _opened(source: str) -> Subject:
    content = resolve(source).read_bytes()
    return open_subject(source, content, workers=1, packages=None, only=(TFLITE,))


def landmark_errors(exact: Raw, found: Raw) -> Floats:
    """(N,) the largest error of each crop's landmarks, in pixels of the input."""
    moved = found["landmarks"].astype(np.float64) - exact["landmarks"]
    x, y, _ = np.moveaxis(moved.reshape(len(moved), -1, 3), 2, 0)
    largest: Floats = np.hypot(x, y).max(axis=1)
    return largest


def palm_errors(rules: PalmRules, boxes: Sequence[Letterbox]) -> Measure:
    """1 − IoU of each picture's worst palm; 1 where a palm is found in one of the two only. Ties
    are left out, as parity leaves them out. `boxes`: how each picture was letterboxed.
    """

    def error(exact: Raw, found: Raw, box: Letterbox) -> float:
        ties = find_ties(rules.decode(exact), rules.decode(found), rules.spec, LIMITS.margin)
        ours, theirs = (rules.suppress(raw, box) for raw in (exact, found))
        seen = compare_detections(
            (ours.boxes, ours.scores.astype(np.float64)),
            (theirs.boxes, theirs.scores.astype(np.float64)),
            threshold=rules.spec.score_threshold,
            margin=LIMITS.margin,
            pixels=(1.0, 1.0),
            ties=ties,
        )
        if seen.lost or seen.extra:
            return 1.0
        return 1.0 - seen.scalars[BOX_IOU].value if BOX_IOU in seen.scalars else 0.0

    def measured(exact: Raw, found: Raw) -> Floats:
        def picture(raw: Raw, number: int) -> Raw:
            return {name: values[number : number + 1] for name, values in raw.items()}

        return np.array(
            [error(picture(exact, i), picture(found, i), b) for i, b in enumerate(boxes)]
        )

    return measured


def rounded_palms(palm: Subject, pictures: Sequence[str]) -> Rounded:
    """A detector on those pictures in which it finds a palm."""
    assert isinstance(palm.rules, PalmRules)
    images = [case.image for case in own_cases(pictures) if case.image is not None]
    prepared = [palm.rules.prepare(image) for image in images if locate_hands(palm, image).regions]
    _refuse_none(prepared, pictures)
    tensors = np.concatenate([tensor for tensor, _ in prepared])
    return Rounded(palm, tensors, palm_errors(palm.rules, [box for _, box in prepared]))


def crops_of(hand: Subject, palm: Subject, pictures: Sequence[str]) -> Floats:
    """(N, H, W, 3) in the value range: every region that the detector finds in the pictures."""
    chain = hand.hand_chain(TFLITE)
    found = [
        chain.crop(case.image, region)[0]
        for case in own_cases(pictures)
        if case.image is not None
        for region in locate_hands(palm, case.image).regions
    ]
    _refuse_none(found, pictures)
    return np.concatenate(found)


def _refuse_none(found: Sequence[object], pictures: Sequence[str]) -> None:
    if not found:
        raise CouldNotVerify(f"{', '.join(pictures)}: no hand was found to measure on")


def _first_blocks(rounded: Rounded) -> list[list[str]]:
    heads = [block for block in rounded.blocks if block == HEADS]
    blocks = [block for block in rounded.blocks if block.startswith(("backbone", "neck", "trunk"))]
    longer = (blocks[:count] for count in range(1, len(blocks) + 1))
    return [heads, *([*heads, *own] for own in _worth_trying(rounded, longer))]


def _last_blocks(rounded: Rounded) -> list[list[str]]:
    """The heads with more and more of the blocks before them."""
    blocks = [block for block in rounded.blocks if block != HEADS]
    longer = (blocks[-count:] for count in range(1, len(blocks)))
    return [[*own, HEADS] for own in _worth_trying(rounded, longer)]


def _worth_trying(rounded: Rounded, longer: Iterable[list[str]]) -> Iterator[list[str]]:
    """Of ever longer lists of blocks, those that are not too large and differ enough."""
    size = 0.0
    for blocks in longer:
        share = rounded.bytes_of(blocks) / rounded.bytes_of(rounded.blocks)
        if share > LARGEST_SHARE:
            break
        if share >= STEP * size:  # others differ too little
            yield blocks
            size = share
