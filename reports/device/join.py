"""Adds a phone's results to a parity report, as more backends."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from blazepalm.reports.backends.names import DEVICE
from blazepalm.reports.compare.rows import BY_TASK, Row
from blazepalm.reports.device.ingest import ingest, recount
from blazepalm.reports.device.rows import device_rows
from blazepalm.reports.fixtures.manifest import read_fixtures
from blazepalm.reports.judge.judge import judge_backend, model_verdict
from blazepalm.reports.judge.report import (
    BackendSummary,
    Failure,
    ModelParity,
    ParityReport,
    concluded,
)


def with_device(report: ParityReport, path: Path, fixtures: Path) -> ParityReport:
    """Returns the report with the backends `device:<name>:<units>`. `path`: the harness's
    results.json, or its folder; `fixtures`: those given to the device (`golden export-ios`).
    Implausible results, and models that the report does not compare, become failures.

    Raises ArtifactError if a file is not the harness's or was made with other fixtures.
    """
    results = ingest(path, read_fixtures(fixtures))
    found = device_rows(results, path, fixtures, report.limits)
    known = {model.name for model in report.models}
    failures = [Failure(str(path), text, 1) for text in (*results.problems, *recount(results))]
    failures += [
        Failure(str(path), f"has outputs of {name}, which parity did not compare; add it", 3)
        for name in dict.fromkeys(row.model for row in found)
        if name not in known
    ]
    mine = tuple(row for row in found if row.model in known)
    unmeasured = (None,) * len(mine)
    return concluded(
        report,
        models=tuple(_joined(model, report.rows + mine) for model in report.models),
        rows=report.rows + mine,
        cases=tuple(replace(case, values=case.values + unmeasured) for case in report.cases),
        device=(*report.device, results.entry),
        failures=report.failures + tuple(failures),
    )


def _joined(model: ModelParity, rows: Sequence[Row]) -> ModelParity:
    """The model with the device's backends added, judged by all its rows."""
    mine = [row for row in rows if row.model == model.name]
    named = dict.fromkeys(row.backend for row in mine if row.backend.startswith(DEVICE))
    backends = (
        *model.backends,
        *(_backend(name, [row for row in mine if row.backend == name]) for name in named),
    )
    statuses = [(backend.name, backend.status) for backend in backends]
    return replace(
        model,
        backends=backends,
        **model_verdict(mine, statuses),
    )


def _backend(name: str, own: Sequence[Row]) -> BackendSummary:
    outcome = judge_backend(BY_TASK, own)
    _, device, units = name.rsplit(":", 2)
    return BackendSummary(
        name=name,
        label=f"the package on a phone or Mac, recorded there: {device}, compute units {units}",
        precision="float16",
        judge=BY_TASK,
        artifact_sha256=None,
        status=outcome.status,
        worst_multiple=None,
        litert_bits=None,
        first_divergence=outcome.first_divergence,
        reasons=outcome.reasons,
    )
