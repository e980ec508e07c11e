"""A device's description and speed, in the report's form.

Percentiles are computed here from the samples (linear between the two nearest, as in the
harness). Runs that do not count as a benchmark are marked with the reason: a simulator, Debug,
low power mode, heat. Heat slows the Neural Engine while the thermal state is still nominal, so a
run that began warm counts as hot too.
"""

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from blazepalm.reports.device.results import BenchRow, DeviceFailure, HarnessResults
from blazepalm.reports.judge.report_parts import Device, DeviceBench, Memory, Thermal, UnitShares
from blazepalm.text import printable

HOT = ("serious", "critical")
PERCENTILES = (50, 90, 95, 99)
AGREE = 1e-6  # relative tolerance between the device's percentiles and those computed here


def device_name(results: HarnessResults) -> str:
    """The hardware's name for backend names; a replay or simulator is marked as such."""
    name = re.sub(r"[^\w.,+-]", "-", results.device.model)[:40]
    if results.run.channel == "replay":
        return f"{name}-replay"
    return f"{name}-simulator" if results.device.is_simulator else name


def device_entry(results: HarnessResults, bench: Sequence[DeviceBench]) -> Device:
    device = results.device
    return Device(
        name=device_name(results),
        model=device.model,
        os=f"iOS {device.os_version} ({device.os_build})",
        is_simulator=device.is_simulator,
        status=results.status,
        channel=results.run.channel,
        not_a_benchmark=tuple(dict.fromkeys(_not_a_benchmark(results))),
        bench=tuple(bench),
        failures=tuple(map(_failure, results.failures)),
    )


def _not_a_benchmark(results: HarnessResults) -> Iterator[str]:
    device, run = results.device, results.run
    if run.channel == "replay":
        yield "recorded outputs were replayed: no model ran"
    elif device.is_simulator:
        yield "a simulator: the times are the Mac's"
    if run.configuration != "Release":
        yield f"built for {run.configuration or 'an unknown configuration'}, not for Release"
    if device.low_power:
        yield "low power mode was on"
    for row in results.bench:
        thermal = row.thermal
        states = [thermal.start, *(event.state for event in thermal.events), thermal.end]
        hot = [state for state in states if state in HOT]
        where = f"{row.model} on {row.units}"
        if hot:
            yield f"{where}: the device was hot ({hot[0]})"
        elif thermal.start != "nominal":
            yield f"{where}: the device was not cool at the start ({thermal.start})"


def bench_entry(row: BenchRow, problems: list[str]) -> DeviceBench:
    """The report's entry for one model on some units; adds to `problems`."""
    samples = [ns / 1e6 for ns in row.samples_ns]
    where = printable(f"{row.model} on {row.units}")
    if not samples:
        problems.append(f"{where}: no samples")
    found = {f"p{p}_ms": float(np.percentile(samples, p)) if samples else None for p in PERCENTILES}
    for name, value in found.items():
        said = getattr(row, name)
        if value is not None and said is not None and not math.isclose(said, value, rel_tol=AGREE):
            problems.append(f"{where}: {name} is {said:g}, but its samples give {value:g}")
    plan, memory = row.plan, row.memory
    return DeviceBench(
        model=row.model,
        units=row.units,
        **found,
        first_ms=row.first_ms,
        samples=len(samples),
        memory_mb=Memory(*(b / 2**20 for b in (memory.before, memory.loaded, memory.peak))),
        thermal=Thermal(row.thermal.start, row.thermal.end),
        plan=None if plan is None else UnitShares(plan.ane, plan.gpu, plan.cpu),
    )


def _failure(failure: DeviceFailure) -> str:
    place = [part for part in (failure.stage, failure.model, failure.units) if part]
    return f"{', '.join(place)}: {failure.message}" if place else failure.message
