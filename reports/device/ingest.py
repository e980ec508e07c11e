"""Reads the iOS harness's results: `results.json` and the raw outputs beside it.

The schema is `blazepalm report schema ios-results`. Raw outputs are
little-endian float32 in C order without padding (`ios_harness/FIXTURES.md`); they are read only
on demand, only inside the folder, and only if their size matches their shape. Figures that can
be computed here are never taken from the device. A truncated run (`status` partial) is read as
far as it goes; entries that cannot be used become `problems`.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blazepalm.errors import ArtifactError
from blazepalm.reports.device.benchmarks import bench_entry, device_entry, device_name
from blazepalm.reports.device.results import HarnessResults, LoadedModel, OutputRow, PictureRow
from blazepalm.reports.fixtures.manifest import Fixtures, check_hashes
from blazepalm.reports.judge.report_parts import Device
from blazepalm.reports.stored.read import read_json, typed
from blazepalm.text import printable

SCHEMA = "blazepalm-ios-results/1"
Place = tuple[str, str, str, str]  # model, case, units, tensor


@dataclass(frozen=True)
class RawOutput:
    """One output of one model on one case, on disk. `max_abs` (largest error against the recorded
    outputs) and `nan_count` are the device's own figures.
    """

    path: Path
    shape: tuple[int, ...]
    max_abs: float | None
    nan_count: int

    def load(self) -> np.ndarray:
        """The values, float32 of `shape`. Raises ArtifactError."""
        count = math.prod(self.shape)
        try:
            with self.path.open("rb") as file:
                content = file.read(4 * count + 1)
        except OSError as error:
            raise ArtifactError(f"{self.path}: cannot be read: {error.strerror}") from error
        if len(content) != 4 * count:
            raise ArtifactError(f"{self.path}: no longer has {4 * count} bytes")
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(self.shape)


@dataclass(frozen=True)
class DeviceResults:
    """`name` is the device's name in backends (`device:<name>:<units>`); `entry` is the report's
    `device` entry; `outputs` in the file's order; `pipeline` rows as the device wrote them.
    `checked`: whether hashes were compared with fixtures.
    """

    name: str
    entry: Device
    models: Mapping[str, LoadedModel]
    outputs: Mapping[Place, RawOutput]
    pipeline: tuple[PictureRow, ...]
    problems: tuple[str, ...]
    checked: bool

    @property
    def units(self) -> tuple[str, ...]:
        """Compute units with outputs, in order of appearance."""
        return tuple(dict.fromkeys(units for _, _, units, _ in self.outputs))

    def backend(self, units: str) -> str:
        return f"device:{self.name}:{units}"

    def load(self, model: str, case: str, units: str) -> dict[str, np.ndarray]:
        """All outputs of a model on a case, by name. Raises ArtifactError."""
        return {
            tensor: output.load()
            for (m, c, u, tensor), output in self.outputs.items()
            if (m, c, u) == (model, case, units)
        }


def ingest(path: Path, fixtures: Fixtures | None = None) -> DeviceResults:
    """Reads a `results.json`, or the folder that holds one.

    Raises ArtifactError if it is not one, has an unknown schema, was made with fixtures or models
    other than `fixtures`, or names a file outside its folder.
    """
    path = path / "results.json" if path.is_dir() else path
    values = read_json(path)
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        found = printable(str(schema))[:80]
        raise ArtifactError(f"{path}: unknown schema {found}; expected {SCHEMA}")
    results = typed(values, HarnessResults, "ios-results", str(path))
    if fixtures is not None:
        loaded = [(model.name, model.sha256) for model in results.models]
        check_hashes(path, results.fixtures.manifest_sha256, loaded, fixtures)
    problems: list[str] = []
    models = {model.name: model for model in results.models}
    problems += _doubtful_models(results, fixtures)
    outputs = dict(_outputs(path, results, models, problems))
    bench = [bench_entry(row, problems) for row in results.bench]
    return DeviceResults(
        name=device_name(results),
        entry=device_entry(results, bench),
        models=models,
        outputs=outputs,
        pipeline=results.pipeline,
        problems=tuple(problems),
        checked=fixtures is not None,
    )


def recount(results: DeviceResults) -> Iterator[str]:
    """Reads every raw output once and yields the problems with its values."""
    for place, output in results.outputs.items():
        found = int(np.count_nonzero(~np.isfinite(output.load())))
        name = printable(", ".join(place))
        if found:
            yield f"{name}: {found} of {math.prod(output.shape)} values are not finite"
        if found != output.nan_count:
            yield f"{name}: the device counted {output.nan_count} of these, the file has {found}"


def _doubtful_models(results: HarnessResults, fixtures: Fixtures | None) -> Iterator[str]:
    count = Counter(model.name for model in results.models)
    yield from (f"model {printable(n)}: loaded {c} times" for n, c in count.items() if c > 1)
    for model in results.models:
        wanted = {} if fixtures is None else fixtures.outputs.get(model.name, {})
        for output, shape in wanted.items():
            found = model.outputs.get(output, shape)
            if found != shape:
                yield (
                    f"model {printable(model.name)}: {printable(output)} has the shape "
                    f"{_times(found)}, in the fixtures {_times(shape)}"
                )


def _outputs(
    path: Path,
    results: HarnessResults,
    models: Mapping[str, LoadedModel],
    problems: list[str],
) -> Iterator[tuple[Place, RawOutput]]:
    folder = path.parent.resolve()
    seen: set[Place] = set()
    for row in results.parity:
        place = (row.model, row.case, row.units, row.tensor)
        file = _inside(path, folder, row.raw_file)
        problem = _problem(row, models, file) if place not in seen else "listed twice"
        seen.add(place)
        if problem is not None:
            problems.append(f"{printable(', '.join(place))}: {problem}")
            continue
        shape = models[row.model].outputs[row.tensor]
        yield place, RawOutput(file, shape, row.max_abs, row.nan_count)


def _problem(row: OutputRow, models: Mapping[str, LoadedModel], file: Path) -> str | None:
    """Why a row's raw file cannot be used; None if it can."""
    model = models.get(row.model)
    if model is None:
        return "the device did not load this model"
    shape = model.outputs.get(row.tensor)
    if shape is None:
        return "the model has no such output"
    count = math.prod(shape)
    if row.n != count:
        return f"{row.n} values were compared, but the shape {_times(shape)} has {count}"
    name = printable(row.raw_file)
    if not row.raw_file or not os.path.isfile(file):  # false, too, for a name that is too long
        return f"there is no raw output {name}".rstrip()
    size = file.stat().st_size
    if size < 4 * count:
        return f"{name} is cut off: {size} of {4 * count} bytes"
    if size > 4 * count:
        return f"{name} has {size} bytes, not {4 * count}: padding or another shape"
    return None


def _inside(path: Path, folder: Path, name: str) -> Path:
    """The file of that name in the folder. Raises ArtifactError if it is outside."""
    refused = ArtifactError(
        f"{path}: the raw output {printable(name)[:120]} lies outside the results' folder"
    )
    if "\0" in name or name.startswith(("/", "~")) or ".." in re.split(r"[/\\]", name):
        raise refused
    try:
        file = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise refused from error
    if not file.is_relative_to(folder):
        raise refused
    return file


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"
