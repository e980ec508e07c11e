"""Builds the report from the totals: every model's facts, backends, rows and cases."""

import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from blazepalm.processor import processor_name
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.headline import NOTHING
from blazepalm.reports.judge.judge import (
    UNSEEN,
    judge_backend,
    judge_of,
    litert_bits,
    model_verdict,
)
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.judge.report import (
    TRUTH_UNCHECKED,
    BackendSummary,
    CaseResult,
    Failure,
    ModelParity,
    ParityReport,
    concluded,
)
from blazepalm.reports.judge.report_parts import (
    Counts,
    GoldenName,
    Layers,
    Machine,
    ModelSeconds,
    PhotoCredit,
    RunOptions,
    SelfTestResult,
    Timing,
)
from blazepalm.reports.judge.totals import CaseTotals, Totals, accuracy_entries
from blazepalm.reports.judge.verdict import judge_model, output_facts
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.golden.photos import LocalPhoto

UTC = "%Y-%m-%dT%H:%M:%SZ"
TOOLS = (
    "blazepalm",
    "torch",
    "numpy",
    "ai-edge-litert",
    "coremltools",
    "executorch",
    "opencv-python-headless",
)


def make_report(
    totals: Totals,
    subjects: Sequence[Subject],
    limits: Limits,
    *,
    layers: Mapping[str, Layers],
    failures: Sequence[Failure],
    options: RunOptions,
    golden: GoldenName | None,
    photos: Sequence[PhotoCredit],
    self_test: SelfTestResult | None,
    seconds: float,
    resumed: int,
) -> ParityReport:
    """Judges every model and lists every case; `layers` by model."""
    models: list[ModelParity] = []
    judged: list[Row] = []
    for subject in subjects:
        found = judge_model(totals, subject, limits)
        judged += found
        models.append(_model(totals, subject, found, layers.get(subject.name)))
    report = ParityReport(
        passed=False,  # until it is concluded
        exit_code=1,
        verdict=NOTHING,
        counts=Counts(0, 0, 0, 0),
        default_limits=False,
        models=tuple(models),
        rows=tuple(judged),
        cases=tuple(_case(case, judged) for case in totals.cases),
        cases_total=totals.cases_total,
        failures=tuple(failures),
        options=options,
        limits=limits,
        golden=golden,
        photos=tuple(photos),
        accuracy=accuracy_entries(totals),
        self_test=self_test,
        device=(),
        tools={"python": platform.python_version(), **tool_versions()},
        machine=Machine(platform.system(), platform.machine(), processor_name()),
        timing=Timing(
            seconds,
            resumed,
            tuple(ModelSeconds(m.name, dict(totals.seconds[m.name])) for m in models),
            started=(datetime.now(timezone.utc) - timedelta(seconds=seconds)).strftime(UTC),
            commit=git_commit(),
            answers=totals.answers,
            kept=totals.kept,
        ),
    )
    return concluded(report)


def git_commit() -> str | None:
    """The commit of the Git repository that the current folder is in; None if there is none."""
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "--verify", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        if re.fullmatch(r"[0-9a-f]{40,64}", said := done.stdout.strip()):
            return said
    return None


def golden_entry(golden: "GoldenSet | None") -> GoldenName | None:
    """A golden set's entry in the report."""
    if golden is None:
        return None
    return GoldenName(golden.version, golden.sha256, len(golden.cases))


def photo_credits(photos: "Sequence[LocalPhoto]") -> tuple[PhotoCredit, ...]:
    """The photographs' entries in the report."""
    return tuple(
        PhotoCredit(p.name, p.credit, p.licence, p.url, p.sha256, p.caution)
        for p in (found.photo for found in photos)
    )


def tool_versions() -> dict[str, str]:
    """The versions of blazepalm and the libraries that compute."""
    return {name: _version(name) for name in TOOLS}


def _model(
    totals: Totals, subject: Subject, found: Sequence[Row], layers: Layers | None
) -> ModelParity:
    converted = subject.converted
    backends = tuple(
        _backend(name, subject, [row for row in found if row.backend == name])
        for name in (*subject.names, *subject.missing)
    )
    statuses = [(backend.name, backend.status) for backend in backends]
    return ModelParity(
        name=subject.name,
        source=converted.graph.source,
        release=converted.release.name if converted.release else None,
        family=subject.family,
        sha256=converted.graph.sha256,
        size=converted.graph.size,
        input_shape=subject.input_shape,
        value_range=subject.value_range,
        value_range_from=subject.value_range_from,
        inputs=totals.inputs[subject.name],
        inputs_sha256=totals.digest(subject.name),
        notes=(*_notes(subject, found), *_unread(layers)),
        backends=backends,
        outputs=output_facts(totals, subject),
        **model_verdict(found, statuses),
        tensor_map=tuple(sorted(converted.tensor_map, key=lambda row: row.key)),
        layers=layers,
        alike=_alike(converted),
        compression=subject.compression,
    )


def _unread(layers: Layers | None) -> Iterator[str]:
    """A note for each backend whose layers could not be read."""
    unread = None if layers is None else layers.unread
    for backend, why in (unread or {}).items():
        yield f"the layers of {backend} could not be read: {why}"


def _alike(converted: "Converted") -> str | None:
    """The known release that some weights of an unknown file are from."""
    from blazepalm.converter.evidence.known_weights import most_alike

    if converted.release is not None or converted.recognition is None:
        return None
    release = most_alike(converted.recognition)
    return None if release is None else release.name


def _notes(subject: Subject, found: Sequence[Row]) -> tuple[str, ...]:
    checked = subject.family is None or any(row.stage == rows.TRUTH for row in found)
    return subject.notes if checked else (*subject.notes, TRUTH_UNCHECKED)


def _backend(name: str, subject: Subject, own: Sequence[Row]) -> BackendSummary:
    registration = subject.registration(name)
    judge = judge_of(registration)
    raw = [row for row in own if row.judged and row.stage == rows.RAW]
    multiples = [row.multiple for row in raw if row.multiple is not None]
    outcome = judge_backend(judge, own, subject.missing.get(name, UNSEEN))
    return BackendSummary(
        name=name,
        label=registration.label,
        precision=registration.precision,
        judge=judge,
        artifact_sha256=subject.artifacts.get(name),
        status=outcome.status,
        worst_multiple=max(multiples, default=None),
        litert_bits=litert_bits(judge, own),
        first_divergence=outcome.first_divergence,
        reasons=outcome.reasons,
    )


def _case(case: CaseTotals, judged: Sequence[Row]) -> CaseResult:
    return CaseResult(
        name=case.name,
        kind=case.kind,
        width=case.width,
        height=case.height,
        sha256=case.sha256,
        image=None,
        truth=case.truth,
        hands=case.hands,
        values=tuple(case.values.get(row.key) for row in judged),
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
