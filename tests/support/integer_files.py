"""A release in every kind of integers that AI Edge Quantizer writes, and a table of what parity
says of each: what the file loses by its integers, and how faithful blazepalm's float network is.

    python tests/support/integer_files.py DIR [PICTURE…] [FILE.tflite=RELEASE…]

writes the files to DIR and prints the table as Markdown: compared on the pictures, without any on
those that `convert --quantize` measures on; other people's files may be named, too. Takes some
minutes a file.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.convert import module_of
from blazepalm.converter.converted import Converted
from blazepalm.converter.int8_file import float_file, int8_file
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.golden.make import make_golden
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.names import INTEGER, TFLITE_INTEGER, TORCH
from blazepalm.reports.compression.int8_file import value_ranges
from blazepalm.reports.compression.measure import Measure
from blazepalm.reports.compression.pictures import GOLDEN, hands
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.parity import parity
from support.rewritten import packed, unpacked

WORST = {  # metric → how it is written, of a larger error or a lesser overlap
    ("detections", "unmatched"): "{:.0f} lost",
    ("hands", "unmatched"): "{:.0f} hands lost",
    ("boxes", "IoU"): "IoU {:.3f}",
    ("boxes", "centre error"): "centre {:.2f} px",
    ("landmarks", "largest error"): "{:.2f} px",
}
INTEGERS = (INTEGER, TFLITE_INTEGER)


class Line(NamedTuple):
    """One file's row."""

    file: str
    kind: str
    lost: str
    faithful: str
    against: str
    verdict: str


def quantised(plain: bytes, ranges: Sequence[tuple[str, float, float]], change: Any) -> bytes:
    """The float32 file by AI Edge Quantizer, with the recipe that `change` adds."""
    from ai_edge_litert.tools import flatbuffer_utils
    from ai_edge_quantizer import quantizer

    from blazepalm.converter.tflite.repack import pack

    work = quantizer.Quantizer(plain)
    change(work)
    steps = {
        name: {"min": np.float32(low).reshape(1), "max": np.float32(high).reshape(1)}
        for name, low, high in ranges
    }
    found = work.quantize(
        steps if work.need_calibration else None,
        enable_progress_bar=False,
        enable_progress_report=False,
    )
    return pack(flatbuffer_utils.read_model_from_bytearray(bytearray(found.quantized_model)))


def with_normal_scales(content: bytes) -> bytes:
    """A row of zeros gets scales of zero, which XNNPACK refuses: the least normal float16 is as
    good.
    """
    model = unpacked(content)
    graph = model.subgraphs[0]
    for tensor in graph.tensors:
        details = None if tensor.quantization is None else tensor.quantization.details
        if details is not None:
            buffer = model.buffers[graph.tensors[details.scales].buffer]
            values = np.asarray(buffer.data, np.uint8).view("<f2")
            least = np.finfo(np.float16).tiny
            buffer.data = np.frombuffer(np.maximum(values, least).tobytes(), np.uint8)
    return packed(model)


def kinds() -> Mapping[str, Callable[[Any], None]]:
    """What each kind's recipe adds to a quantizer."""
    from ai_edge_quantizer import qtyping

    all_ops, blocks = qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity.BLOCKWISE_32
    dense = qtyping.TFLOperationName.FULLY_CONNECTED
    halves = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=16, dtype=qtyping.TensorDataType.FLOAT
        ),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    return {
        "dynamic range, int8 weights": lambda q: q.add_dynamic_config(".*", all_ops, 8),
        "int8 weights alone": lambda q: q.add_weight_only_config(".*", all_ops, 8),
        "float16 weights": lambda q: q.update_quantization_recipe(
            ".*", all_ops, halves, "float_casting"
        ),
        "int16 values, int8 weights": lambda q: q.add_static_config(".*", all_ops, 16, 8),
        "int4 weights": lambda q: q.add_weight_only_config(".*", all_ops, 4),
        "dynamic range, int4 weights": lambda q: q.add_dynamic_config(".*", all_ops, 4),
        "dynamic range, int4 weights by blocks of 32": lambda q: q.add_dynamic_config(
            ".*", dense, 4, granularity=blocks
        ),
    }


def files(release: str, images: Sequence[NDArray[np.uint8]]) -> Iterator[tuple[str, bytes]]:
    """Every kind of one release, calibrated on the images."""
    model: Converted = module_of(release)
    content = Path(resolve(release)).read_bytes()
    plain = float_file(model, content)
    measure = Measure(model, images, LIMITS)
    graph = read_bytes(plain, release)
    ranges = value_ranges(plain, graph, measure, lambda what, done, total: None)
    yield "weights and values in int8", int8_file(plain, release, ranges)
    dense = any(op.name == "FULLY_CONNECTED" for op in graph.operators)
    for kind, change in kinds().items():
        if "blocks" in kind and not dense:
            continue  # only dense layers have blocks
        yield kind, with_normal_scales(quantised(plain, ranges, change))


def worst_of(report: ParityReport, backends: Sequence[str]) -> str:
    """What the task says of the backends, in the worst picture."""
    found: dict[str, list[float]] = {}
    for row in report.rows:
        words = WORST.get((row.output, row.metric))
        if words is not None and row.backend in backends and row.value is not None:
            found.setdefault(words, []).append(row.value)
    parts = [
        words.format(min(values) if words.startswith("IoU") else max(values))
        for words in WORST.values()
        if (values := found.get(words))
    ]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing"


def line(path: Path, kind: str, release: str, pictures: Sequence[str]) -> Line:
    """What parity says of one file. Both runs must end in a verdict."""
    own = parity(path, images=pictures, noise=2, coreml=False)
    (model,) = own.models
    backends = {backend.name: backend for backend in model.backends}
    torch = backends[TORCH]
    multiple = "–" if torch.worst_multiple is None else f"{torch.worst_multiple:.1f} floors"
    integers = any(name in backends for name in INTEGERS)
    theirs = parity(release, images=pictures, noise=2, candidates=(str(path),))
    (other,) = theirs.models
    (candidate,) = [b for b in other.backends if b.name not in backends or b.judge == "task"][-1:]
    return Line(
        path.name,
        kind,
        worst_of(own, INTEGERS) if integers else "nothing: it computes in floats",
        f"{multiple}, {torch.status}",
        worst_of(theirs, (candidate.name,)),
        f"{own.verdict} / {theirs.verdict}",
    )


def table(lines: Sequence[Line]) -> str:
    head = Line(
        "file",
        "kind",
        "lost by integers",
        "float form: torch against LiteRT",
        "against the release",
        "verdict: its own float form / the release",
    )
    rows = [head, Line(*["---"] * len(head)), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(folder: Path, given: Sequence[str]) -> None:
    named = [word.partition("=") for word in given if "=" in word]
    pictures = [word for word in given if "=" not in word]
    folder.mkdir(parents=True, exist_ok=True)
    if not pictures:
        make_golden(folder / "golden", names=GOLDEN)
        pictures = [str(folder / "golden" / f"{name}.png") for name in GOLDEN]
    lines = [line(Path(path), "as found", name, pictures) for path, _, name in named]
    images = hands(pictures, lambda what, done, total: None)
    for release in ("hand-lite", "palm-lite"):
        for number, (kind, content) in enumerate(files(release, images)):
            path = folder / f"{release}-{number}.tflite"
            path.write_bytes(content)
            lines.append(line(path, kind, release, pictures))
            print(lines[-1], file=sys.stderr, flush=True)
    print(table(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
