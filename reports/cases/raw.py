"""Runs all backends of one model on one input and compares their raw outputs.

A missing output, one of the wrong shape, or the death of a foreign runtime's process is recorded
as a problem, and later stages skip that backend. Equal bits are compared once.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from blazepalm.errors import NotTried, ProcessDied
from blazepalm.reports.backends.backend import Outputs
from blazepalm.reports.backends.kept_answers import found_here
from blazepalm.reports.backends.names import ORACLE, TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import Scalars
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import ISOLATED, Key
from blazepalm.reports.compare.tensors import (
    TensorDifference,
    TensorRange,
    compare,
    digest,
    identical,
    measure_range,
)
from blazepalm.reports.stages.stages import Raw
from blazepalm.reports.subjects.subject import Subject

OPTIONAL = ("handedness", "world_landmarks")  # a missing one fails its own row


def compare_raw(
    record: Record, subject: Subject, tensor: np.ndarray, label: str, *, keep_raw: bool
) -> dict[str, Raw]:
    """Runs every raw backend on (1, H, W, C) and compares the outputs. Returns them by
    backend and readable name, for the backends that gave all of them in the file's shapes.
    """
    outputs: dict[str, Outputs] = {}
    for name, backend in subject.backends.items():
        if name in record.spared:
            continue
        try:
            outputs[name] = timed(record, subject, name, lambda b=backend: b.run(tensor))  # type: ignore[misc]
        except ProcessDied as error:
            record_death(record, subject, name, label, error)
    record.inputs.setdefault(subject.name, []).append(digest(tensor))
    for output in subject.outputs:
        ranges = {name: measure_range(found.get(output)) for name, found in outputs.items()}
        known: dict[tuple[object, ...], TensorDifference] = {}
        for candidate, reference in subject.raw_pairs:
            if candidate not in outputs or reference not in outputs:
                continue
            key = Key(subject.name, rows.RAW, ISOLATED, output, candidate, reference)
            r, c = outputs[reference].get(output), outputs[candidate].get(output)
            same = (_identity(r, ranges[reference]), _identity(c, ranges[candidate]))
            if same not in known:
                known[same] = compare(r, c) if r is None or same[0] != same[1] else identical(r)
            record.entries.append((key, label, known[same]))
        for name, tensor_range in ranges.items():
            if tensor_range is not None:
                record.ranges.append((subject.name, rows.RAW, name, output, tensor_range))
    if keep_raw:
        kept = record.raw.setdefault(subject.name, {})
        suffix = label.removeprefix(record.case)
        for name, found in outputs.items():
            kept.update({f"{name}/{o}{suffix}": value for o, value in found.items()})
    return {n: subject.named(found) for n, found in outputs.items() if _is_whole(subject, found)}


def record_death(
    record: Record, subject: Subject, backend: str, label: str, error: ProcessDied
) -> None:
    """Adds rows that fail, and say why and on which input, for a backend whose own process failed;
    one that is no longer tried says it once.
    """
    problem = str(error) if isinstance(error, NotTried) else f"{error} (case {label})"
    pairs = (*subject.raw_pairs, *((name, ORACLE) for name in subject.apps))
    for output in subject.outputs:
        for candidate, reference in pairs:
            if candidate == backend:
                key = Key(subject.name, rows.RAW, ISOLATED, output, candidate, reference)
                record.entries.append((key, label, TensorDifference(problem=problem)))


def timed(record: Record, subject: Subject, name: str, run: Callable[[], Any]) -> Any:
    """Calls `run` and adds the time it takes to the backend's seconds, unless an earlier
    run has kept the answer.
    """
    start, known = time.perf_counter(), found_here()
    found = run()
    record.answers += 1
    if found_here() > known:
        record.kept += 1
        return found
    spent = record.seconds.setdefault(subject.name, {})
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - start
    return found


def add_scalars(
    record: Record, where: tuple[str, str, str, str], label: str, scalars: Scalars
) -> None:
    """Adds one input's scalars; `where` is (model, stage, mode, backend), against LiteRT."""
    model, stage, mode, backend = where
    for (output, metric), scalar in scalars.items():
        key = Key(model, stage, mode, output, backend, TFLITE, metric)
        record.entries.append((key, label, scalar))


def _identity(values: np.ndarray | None, part: TensorRange | None) -> tuple[object, ...]:
    if values is None or part is None:
        return (None,)
    return values.dtype.str, part.shape, part.digest


def _is_whole(subject: Subject, found: Mapping[str, np.ndarray]) -> bool:
    """Whether the later stages can use the outputs; they do without those in `OPTIONAL`."""
    wanted = zip(subject.outputs, subject.fields, subject.output_shapes, strict=True)
    return all(
        found[name].shape == shape if name in found else field in OPTIONAL
        for name, field, shape in wanted
    )
