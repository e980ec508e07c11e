"""A device's description and speed, in the report's form.

Percentiles are computed here from the samples (linear between the two nearest, as in the
harness). Runs that do not count as a benchmark are marked with the reason: a simulator, Debug,
low power mode, heat. Heat slows the Neural Engine while the thermal state is still nominal, so a
run that began warm counts as hot too.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from blazepalm.text import printable

HOT = ("serious", "critical")
PERCENTILES = (50, 90, 95, 99)
AGREE = 1e-6  # relative tolerance between the device's percentiles and those computed here


def device_name(values: Mapping[str, Any]) -> str:
    """The hardware's name for backend names; a replay or simulator is marked as such."""
    device, channel = values["device"], values["run"]["channel"]
    name = re.sub(r"[^\w.,+-]", "-", device["model"])[:40]
    if channel == "replay":
        return f"{name}-replay"
    return f"{name}-simulator" if device["is_simulator"] else name


def device_entry(
    values: Mapping[str, Any], bench: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    device = values["device"]
    return {
        "name": device_name(values),
        "model": device["model"],
        "os": f"iOS {device['os_version']} ({device['os_build']})",
        "is_simulator": device["is_simulator"],
        "status": values["status"],
        "channel": values["run"]["channel"],
        "not_a_benchmark": list(dict.fromkeys(_not_a_benchmark(values))),
        "bench": list(bench),
        "failures": [_failure(failure) for failure in values["failures"]],
    }


def _not_a_benchmark(values: Mapping[str, Any]) -> Iterator[str]:
    device, run = values["device"], values["run"]
    if run["channel"] == "replay":
        yield "recorded outputs were replayed: no model ran"
    elif device["is_simulator"]:
        yield "a simulator: the times are the Mac's"
    if run["configuration"] != "Release":
        yield f"built for {run['configuration'] or 'an unknown configuration'}, not for Release"
    if device["low_power"]:
        yield "low power mode was on"
    for row in values["bench"]:
        thermal = row["thermal"]
        states = [thermal["start"], *(e["state"] for e in thermal["events"]), thermal["end"]]
        hot = [state for state in states if state in HOT]
        where = f"{row['model']} on {row['units']}"
        if hot:
            yield f"{where}: the device was hot ({hot[0]})"
        elif thermal["start"] != "nominal":
            yield f"{where}: the device was not cool at the start ({thermal['start']})"


def bench_entry(row: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """The report's entry for one model on some units; adds to `problems`."""
    samples = [ns / 1e6 for ns in row["samples_ns"]]
    where = printable(f"{row['model']} on {row['units']}")
    if not samples:
        problems.append(f"{where}: no samples")
    found = {f"p{p}_ms": float(np.percentile(samples, p)) if samples else None for p in PERCENTILES}
    for name, value in found.items():
        said = row[name]
        if value is not None and said is not None and not math.isclose(said, value, rel_tol=AGREE):
            problems.append(f"{where}: {name} is {said:g}, but its samples give {value:g}")
    plan = row["plan"]
    return {
        "model": row["model"],
        "units": row["units"],
        **found,
        "first_ms": row["first_ms"],
        "samples": len(samples),
        "memory_mb": {name: row["memory"][name] / 2**20 for name in ("before", "loaded", "peak")},
        "thermal": {name: row["thermal"][name] for name in ("start", "end")},
        "plan": None if plan is None else {name: plan[name] for name in ("ane", "gpu", "cpu")},
    }


def _failure(failure: Mapping[str, Any]) -> str:
    place = [failure[name] for name in ("stage", "model", "units") if failure[name]]
    return f"{', '.join(place)}: {failure['message']}" if place else str(failure["message"])
