"""`blazepalm.parity`: readable modules against LiteRT and the float64 oracle.

Sources become models (a bundle holds several); each is read once, converted in memory, run
through every backend on seeded inputs, and judged output by output.
"""

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.bundle import read_contents
from blazepalm.converter.threads import one_torch_thread
from blazepalm.models.errors import BlazePalmError, CouldNotVerify
from blazepalm.models.releases import resolve
from blazepalm.reports import policy
from blazepalm.reports.backends.backend import (
    Backend,
    input_shape,
    output_names,
)
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.rewrite import without_custom_operators
from blazepalm.reports.inputs import seeded_inputs
from blazepalm.reports.measure import measure
from blazepalm.reports.report import Failure, ModelParity, ParityReport
from blazepalm.reports.verdict import PAIRS, judge_bitwise, judge_floor

if TYPE_CHECKING:
    from blazepalm.converter.convert import Converted

TOOLS = ("blazepalm", "torch", "numpy", "ai-edge-litert")

OnInput = Callable[[str, int, int], None]  # model, inputs done, inputs in all


def parity(
    *sources: str | Path,
    inputs: int = policy.INPUTS,
    seed: int = policy.SEED,
    workers: int | None = None,
    keep_going: bool = False,
    on_input: OnInput = lambda model, done, total: None,
) -> ParityReport:
    """Compares each source (a `.tflite`, a bundle, a release's name) on `inputs` seeded inputs.

    `workers` inputs are in work at once, by default one a processor; every backend computes
    each with one thread, so the numbers do not depend on it. `on_input` is told of progress.

    Raises BlazePalmError where a source cannot be read or converted, CouldNotVerify where
    LiteRT is missing or cannot run it; with `keep_going` that becomes one of the report's
    `failures`, and the other sources are compared.
    """
    start = time.perf_counter()
    models: list[ModelParity] = []
    failures: list[Failure] = []

    def failed(source: str, error: BlazePalmError) -> None:
        if not keep_going:
            raise error
        failures.append(Failure(source, str(error), 3 if isinstance(error, CouldNotVerify) else 2))

    with one_torch_thread():
        for source in sources:
            try:
                contents = read_contents(resolve(str(source)))
            except BlazePalmError as error:
                failed(str(source), error)
                continue
            for name, content in contents:
                try:
                    models.append(
                        compare_model(name, content, inputs, seed, workers or _cpus(), on_input)
                    )
                except BlazePalmError as error:
                    failed(name, error)
    return ParityReport(
        models=tuple(models),
        failures=tuple(failures),
        inputs=inputs,
        seed=seed,
        tools={"python": platform.python_version(), **{name: _version(name) for name in TOOLS}},
        machine={"system": platform.system(), "machine": platform.machine()},
        seconds=time.perf_counter() - start,
    )


def compare_model(
    source: str, content: bytes, inputs: int, seed: int, workers: int, on_input: OnInput
) -> ModelParity:
    """Converts one model's bytes in memory and compares them; `source` is what messages and
    the report call it.
    """
    from blazepalm.converter.convert import convert_graph

    graph = read_bytes(content, source)
    if graph.dequantised:
        raise CouldNotVerify(
            f"{source} computes in integers: LiteRT rounds every value, the converted module "
            "does not, so float32 parity has nothing to compare"
        )
    notes: list[str] = []
    converted = convert_graph(graph, lambda note: notes.append(note.removeprefix(f"{source}: ")))
    shape = input_shape(graph)
    outputs = output_names(graph)
    backends, note = open_backends(converted, content, workers)
    if note:
        notes.append(note)
    value_range, value_range_from = value_range_of(converted)
    measured = measure(
        backends,
        PAIRS,
        outputs,
        seeded_inputs(shape, value_range, inputs, seed),
        workers=workers,
        on_input=lambda done: on_input(converted.name, done, inputs),
    )
    recognised = converted.recognition is not None
    return ModelParity(
        source=graph.source,
        name=converted.name,
        release=converted.release.name if converted.release else None,
        family=converted.recognition.family if converted.recognition else None,
        sha256=graph.sha256,
        size=graph.size,
        input_shape=shape,
        value_range=value_range,
        value_range_from=value_range_from,
        inputs=measured.inputs,
        inputs_sha256=measured.inputs_sha256,
        notes=tuple(notes),
        fields=converted.outputs,
        rows=tuple(judge_floor(measured, output) for output in outputs),
        bitwise=tuple(judge_bitwise(measured, o, recognised=recognised) for o in outputs),
        seconds=measured.seconds,
    )


def open_backends(
    converted: "Converted", content: bytes, workers: int
) -> tuple[list[Backend], str | None]:
    """Every backend of one model, and what must be said about how LiteRT was fed."""
    from blazepalm.reports.backends import lowered, readable

    graph = converted.graph
    outputs = output_names(graph)
    rewritten = without_custom_operators(content, graph.source)
    generic = lowered.generic(converted.generic, outputs)
    torch = (
        readable.readable(converted.module, outputs, converted.outputs)
        if converted.recognition is not None
        else lowered.Lowered("torch", generic.module, generic.dtype, outputs)
    )
    tflite = [
        open_litert(
            rewritten.content,
            outputs,
            source=graph.source,
            reference_kernels=reference,
            copies=workers,
        )
        for reference in (False, True)
    ]
    return [*tflite, lowered.oracle(converted.generic, outputs), generic, torch], rewritten.note


def value_range_of(converted: "Converted") -> tuple[tuple[float, float], str]:
    """The range of the inputs, and who says so: the registry knows a release by its SHA-256;
    another file gets the newest of its family, and one of no family 0..1.
    """
    if converted.release is not None:
        return converted.release.generation.value_range, "registry"
    if converted.recognition is not None:
        return converted.recognition.spec.value_range, "newest of the family"
    return (0.0, 1.0), "assumed"


def _cpus() -> int:
    """Processors that this process may use, within reason."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(count, policy.MOST_WORKERS)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
