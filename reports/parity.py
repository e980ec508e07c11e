"""`blazepalm.parity`: readable modules and Core ML packages against LiteRT and the float64
oracle, on golden images.

Sources become models (a bundle holds several); each is read and converted once, its Core ML
packages are saved and read back, and every image goes through every backend. Detectors and the
landmark models that look where they point are compared together.
"""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain as chained
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.tflite.bundle import read_contents
from blazepalm.converter.threads import one_torch_thread
from blazepalm.converter.weights import tensor_map_to_list
from blazepalm.models.errors import BlazePalmError, CouldNotVerify
from blazepalm.models.releases import resolve
from blazepalm.reports import policy, rows
from blazepalm.reports.cases import Case, golden_cases, noise_cases, own_cases
from blazepalm.reports.engine import THREADS, Plan, make_groups, records
from blazepalm.reports.fold import CaseTotals, Totals, accuracy_entries
from blazepalm.reports.journal import Journal
from blazepalm.reports.policy import LIMITS, Limits
from blazepalm.reports.report import (
    BackendSummary,
    CaseResult,
    Failure,
    ModelParity,
    ParityReport,
)
from blazepalm.reports.rows import FAIL, NOT_RUN, PASS, Row
from blazepalm.reports.subject import MIL_APP, ROLES, Subject, open_subject
from blazepalm.reports.unit import Group
from blazepalm.reports.verdict import first_divergence, judge_model, output_facts

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet

TOOLS = ("blazepalm", "torch", "numpy", "ai-edge-litert", "coremltools", "opencv-python-headless")
COMPANION = "palm-full"  # finds regions where landmark models are compared without a detector

OnStep = Callable[[str, int, int | None], None]  # what, done, in all (None: not known)


@dataclass(frozen=True)
class Options:
    """How parity is run. `golden`: a golden set, or None; `images`: own pictures and videos;
    `noise`: seeded inputs beside them. `workers` cases are in work at once, by default one a
    processor; every backend computes each with one thread, so no number depends on it.
    `engine`: `threads`, `processes` or `ray` (at `address`). `folder`: for raw outputs, packages
    and the journal of an interrupted run; None keeps nothing. `coreml`: whether packages are
    exported and executed; `layers`: whether every layer is compared, on the first image;
    `self_test`: whether faults are planted in every model.
    """

    golden: "GoldenSet | None" = None
    images: tuple[str, ...] = ()
    noise: int | None = None
    seed: int = policy.SEED
    workers: int | None = None
    engine: str = THREADS
    address: str | None = None
    folder: Path | None = None
    raw: bool = True
    coreml: bool = True
    layers: bool = False
    self_test: bool = False
    limits: Limits = LIMITS

    @property
    def has_images(self) -> bool:
        return self.golden is not None or bool(self.images)

    @property
    def noise_inputs(self) -> int:
        if self.noise is not None:
            return self.noise
        return policy.NOISE_INPUTS if self.has_images else policy.INPUTS


def parity(
    *sources: str | Path,
    keep_going: bool = False,
    on_step: OnStep = lambda what, done, total: None,
    **settings: Any,
) -> ParityReport:
    """Compares each source (a `.tflite`, a bundle, a release's name); `settings` are the fields
    of `Options`. `on_step` is told of progress.

    Raises BlazePalmError where a source cannot be read or converted, CouldNotVerify where
    LiteRT is missing or cannot run it; with `keep_going` that becomes one of the report's
    `failures`, and the other sources are compared.
    """
    start = time.perf_counter()
    options = Options(**settings)
    failures: list[Failure] = []

    def failed(source: str, error: BlazePalmError) -> None:
        if not keep_going:
            raise error
        failures.append(Failure(source, str(error), 3 if isinstance(error, CouldNotVerify) else 2))

    with ExitStack() as stack:
        stack.enter_context(one_torch_thread())
        packages = None
        if options.coreml:
            packages = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        models: list[tuple[str, bytes]] = []
        subjects: list[Subject] = []
        workers = options.workers or _cpus()
        for source, content in _contents(sources, failed):
            on_step(f"converting {source}", 0, None)
            try:
                subjects.append(
                    open_subject(
                        source,
                        content,
                        workers=workers,
                        packages=packages,
                        images=options.has_images,
                    )
                )
                models.append((source, content))
            except BlazePalmError as error:
                failed(source, error)
        _refuse_twins(subjects)
        judged = len(subjects)
        groups = group_models(subjects)
        if options.has_images and any(g[0] is None and g[1] for g in groups):
            companion = resolve(COMPANION)
            content = companion.read_bytes()
            models.append((COMPANION, content))
            subjects.append(open_subject(COMPANION, content, workers=workers, packages=None))
            groups = tuple(
                (judged, hands, None, False) if palm is None and hands else (palm, hands, other, j)
                for palm, hands, other, j in groups
            )
        raw = options.folder / "raw" if options.folder and options.raw else None
        plan = Plan(tuple(models), groups, packages, raw)
        totals, resumed = _run(plan, subjects, options, workers, on_step)
        opened = make_groups(plan, subjects)
        contents = {s.name: content for s, (_, content) in zip(subjects, models, strict=True)}
        layers = _layers(opened, contents, options, on_step) if options.layers else {}
        tested = _self_test(opened, contents, options, on_step) if options.self_test else None
        subjects = subjects[:judged]
    models_found: list[ModelParity] = []
    judged_rows: list[Row] = []
    for subject in subjects:
        found = judge_model(totals, subject, options.limits)
        judged_rows += found
        models_found.append(_model(totals, subject, found, layers.get(subject.name)))
    return ParityReport(
        models=tuple(models_found),
        rows=tuple(judged_rows),
        cases=tuple(_case(case, judged_rows) for case in totals.cases),
        cases_total=totals.cases_total,
        failures=tuple(failures),
        options={
            "noise": options.noise_inputs,
            "seed": options.seed,
            "images": list(options.images),
            "coreml": options.coreml,
        },
        limits=options.limits,
        golden=_golden(options.golden),
        accuracy=accuracy_entries(totals),
        self_test=tested,
        device=(),
        tools={"python": platform.python_version(), **{name: _version(name) for name in TOOLS}},
        machine={"system": platform.system(), "machine": platform.machine()},
        seconds=time.perf_counter() - start,
        resumed=resumed,
    )


def group_models(
    subjects: Sequence[Subject],
) -> tuple[tuple[int | None, tuple[int, ...], int | None, bool], ...]:
    """Each detector with the landmark models of its time, as the registry says, else the first
    detector with all; models of no family alone.
    """
    palms = [i for i, s in enumerate(subjects) if s.family == "palm"]
    hands: dict[int | None, list[int]] = {palm: [] for palm in palms} or {None: []}
    for i, subject in enumerate(subjects):
        if subject.family == "hand":
            hands[_companion(subject, subjects, palms)].append(i)
    groups: list[tuple[int | None, tuple[int, ...], int | None, bool]] = [
        (palm, tuple(found), None, True)
        for palm, found in hands.items()
        if palm is not None or found
    ]
    groups += [(None, (), i, True) for i, s in enumerate(subjects) if s.family is None]
    return tuple(groups)


def _companion(hand: Subject, subjects: Sequence[Subject], palms: Sequence[int]) -> int | None:
    """The detector whose name says the same kind (`lite`, `full`), else the first."""
    kinds = [kind for kind in ("lite", "full") if f"-{kind}" in hand.name]
    for palm in palms:
        if any(f"-{kind}" in subjects[palm].name for kind in kinds):
            return palm
    return palms[0] if palms else None


def _run(
    plan: Plan, subjects: Sequence[Subject], options: Options, workers: int, on_step: OnStep
) -> tuple[Totals, int]:
    totals = Totals()
    journal = None
    if options.folder is not None:
        journal = Journal(options.folder / "journal", _identity(plan, subjects, options))
    total = options.noise_inputs
    if options.golden is not None:
        total += sum(case.readable for case in options.golden.cases)
    known = None if options.images else total
    if plan.groups:
        found = records(
            plan,
            make_groups(plan, subjects),
            _cases(options),
            engine=options.engine,
            workers=workers,
            address=options.address,
            journal=journal,
            on_case=lambda done: on_step("comparing", done, known),
        )
        for case in found:
            totals.add(case)
    resumed = 0
    if journal is not None:
        resumed = journal.resumed
        journal.remove()
    return totals, resumed


def _layers(
    groups: Sequence[Group], contents: Mapping[str, bytes], options: Options, on_step: OnStep
) -> dict[str, Mapping[str, Any]]:
    """The layers of every judged model, on the first image with a hand, else on noise."""
    from blazepalm.reports.layers import layers_of

    case = next((case for case in _cases(options) if case.truth or case.image is None), None)
    subjects = [(group, subject) for group in groups for subject in group.subjects]
    found: dict[str, Mapping[str, Any]] = {}
    for number, (group, subject) in enumerate(subjects):
        on_step("comparing layers", number, len(subjects))
        if subject.rules is not None:
            found[subject.name] = layers_of(group, subject, contents[subject.name], case)
    return found


def _self_test(
    groups: Sequence[Group], contents: Mapping[str, bytes], options: Options, on_step: OnStep
) -> dict[str, Any]:
    from blazepalm.reports.self_test import IMAGES, self_test

    hands = (case for case in _cases(options) if case.image is not None and case.truth != ())
    return self_test(
        groups,
        contents,
        list(islice(hands, IMAGES)),
        on_fault=lambda name, done, total: on_step("planting faults", done, total),
    ).to_dict()


def _cases(options: Options) -> Iterator[Case]:
    golden = golden_cases(options.golden) if options.golden is not None else iter(())
    own = own_cases(options.images) if options.images else iter(())
    return chained(golden, own, noise_cases(options.noise_inputs, options.seed))


def _identity(plan: Plan, subjects: Sequence[Subject], options: Options) -> dict[str, Any]:
    """What must be the same for an interrupted run to go on."""
    return {
        "models": [subject.converted.graph.sha256 for subject in subjects],
        "groups": plan.groups,
        "artifacts": [dict(subject.artifacts) for subject in subjects],
        "raw": plan.raw is not None,
        "seed": options.seed,
        "noise": options.noise_inputs,
        "images": list(options.images),
        "golden": _golden(options.golden),
        "tools": {name: _version(name) for name in TOOLS},
    }


def _contents(
    sources: Sequence[str | Path], failed: Callable[[str, BlazePalmError], None]
) -> Iterator[tuple[str, bytes]]:
    for source in sources:
        try:
            yield from read_contents(resolve(str(source)))
        except BlazePalmError as error:
            failed(str(source), error)


def _refuse_twins(subjects: Sequence[Subject]) -> None:
    names = [subject.name for subject in subjects]
    for name in names:
        if names.count(name) > 1:
            raise CouldNotVerify(f"{name}: given twice; a report has one place for each name")


def _model(
    totals: Totals, subject: Subject, found: Sequence[Row], layers: Mapping[str, Any] | None
) -> ModelParity:
    converted = subject.converted
    judged = [row for row in found if row.judged]
    backends = tuple(
        _backend(name, subject, [row for row in judged if row.backend == name])
        for name in (*subject.backends, *([MIL_APP] if subject.app else ()))
    )
    done = sum(row.status in (PASS, FAIL) for row in judged)
    waiting = sum(backend.status == NOT_RUN for backend in backends)
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
        notes=subject.notes,
        backends=backends,
        outputs=output_facts(totals, subject),
        coverage=(done, done + waiting),
        passed=bool(judged) and all(row.status == PASS for row in judged) and not waiting,
        tensor_map=tuple(tensor_map_to_list(converted.tensor_map)),
        layers=layers,
        seconds=dict(totals.seconds[subject.name]),
    )


def _backend(name: str, subject: Subject, judged: Sequence[Row]) -> BackendSummary:
    """A candidate that nothing was judged of was not run, and says why."""
    role = ROLES[name]
    failed = [row for row in judged if row.status == FAIL]
    multiples = [
        row.multiple
        for row in judged
        if row.stage == rows.RAW and row.multiple is not None
    ]  # fmt: skip
    reasons = tuple(dict.fromkeys(reason for row in failed for reason in row.reasons))
    status = FAIL if failed else PASS
    if role.judge in (rows.BY_FLOOR, rows.BY_TASK) and not any(
        row.judge == role.judge for row in judged
    ):
        status = NOT_RUN
        reasons = ("no image gave it anything to judge",)
    return BackendSummary(
        name=name,
        label=role.label,
        precision=role.precision,
        judge=role.judge,
        artifact_sha256=subject.artifacts.get(name),
        status=status,
        worst_multiple=max(multiples, default=None),
        first_divergence=first_divergence(failed),
        reasons=reasons,
    )


def _case(case: CaseTotals, judged: Sequence[Row]) -> CaseResult:
    record = case.record
    return CaseResult(
        name=record.case,
        kind=record.kind,
        width=record.width,
        height=record.height,
        sha256=record.sha256,
        image=None,
        truth=record.truth,
        hands=case.hands,
        values=tuple(case.values.get(row.key) for row in judged),
    )


def _golden(golden: "GoldenSet | None") -> dict[str, Any] | None:
    if golden is None:
        return None
    return {"version": golden.version, "sha256": golden.sha256, "cases": len(golden.cases)}


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
