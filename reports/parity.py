"""`blazepalm.parity`: compares readable modules and Core ML packages with LiteRT and the float64
oracle, on golden images.

A source holds one or more models (a bundle has several); each is read and converted once, its
Core ML packages are saved and read back, and every image goes through every backend. Detectors
are compared together with the landmark models that take regions from them.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from itertools import chain as chained
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.atomic import claim
from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.converter.folder import is_converted, original
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import BlazePalmError, CouldNotVerify, InvalidInput, unknown_name
from blazepalm.file_names import file_name
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.converter.tflite.float_form import float_form
from blazepalm.reports.backends.registry import check_asked_for, spared_backends
from blazepalm.reports.cases.inputs import (
    Case,
    distinct_cases,
    golden_cases,
    noise,
    noise_cases,
    own_cases,
    skipped_files,
    sparing,
)
from blazepalm.reports.engine.engine import ENGINES, THREADS, records
from blazepalm.reports.engine.groups import Opened, group_models, with_companion
from blazepalm.reports.engine.journal import JOURNAL, Journal
from blazepalm.reports.engine.plan import Plan, Source, make_groups, open_source, processors
from blazepalm.reports.engine.processes import leave_unguarded
from blazepalm.reports.judge import policy
from blazepalm.reports.judge.assemble import golden_entry, make_report, tool_versions
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report import Failure, ParityReport, plain
from blazepalm.reports.judge.report_parts import RunOptions
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.parity_inside import compare_inside, plant_faults
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet

OnStep = Callable[[str, int, int | None], None]  # (step, done, total); total None: unknown


COUNTS = (  # fields of Options: name, minimum, whether None is allowed
    ("noise", 0, True),
    ("workers", 1, True),
    ("seed", 0, False),
    ("reference_every", 1, False),
)


@dataclass(frozen=True)
class Options:
    """Settings of a parity run. `golden`: a golden set, or None; `images`: your own pictures or
    videos (or one); `noise`: the number of seeded inputs besides. `workers` cases run at once,
    default one per processor; every backend computes a case with one thread, so the numbers do not
    depend on it. `engine`: `threads`, `processes` or `ray` (at `address`). `folder`: for raw
    outputs, packages and the journal of an interrupted run; None keeps nothing. `coreml`: whether
    to export and execute packages, `compress`: how to compress the float16 ones; `layers`: whether
    to compare every layer, on the first image; `self_test`: whether to plant faults in every
    model. `reference_every`: LiteRT's reference kernels and the generic module run on every n-th
    picture, 1 for all. `overrides` state what the sources' files do not. `backends`: names of
    backends that run only if asked for (`executorch`).
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
    compress: str | None = None
    layers: bool = False
    self_test: bool = False
    reference_every: int = policy.REFERENCE_EVERY
    overrides: Overrides = NO_OVERRIDES
    backends: tuple[str, ...] = ()
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        images = (self.images,) if isinstance(self.images, str | Path) else self.images
        object.__setattr__(self, "images", tuple(str(path) for path in images))
        object.__setattr__(self, "backends", tuple(dict.fromkeys(self.backends)))
        check_asked_for(self.backends)
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder))
        if self.engine not in ENGINES:
            raise InvalidInput(unknown_name("engine", self.engine, ENGINES))
        for name, low, optional in COUNTS:
            value = getattr(self, name)
            if value is None and optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                least = f"a whole number of at least {low}{', or None' if optional else ''}"
                raise ValueError(f"{name} is {value!r:.80}, expected {least}")
        if not isinstance(self.limits, Limits):
            raise TypeError(f"limits are {type(self.limits).__name__}, expected Limits")

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
    golden_from: "Callable[[], GoldenSet] | None" = None,
    notice: Callable[[str], None] = lambda note: None,
    on_step: OnStep = lambda what, done, total: None,
    **settings: Any,
) -> ParityReport:
    """Compares each source (a `.tflite`, a bundle, a release's name); `settings` are the fields
    of `Options`. `golden_from` returns the golden set once the models are open, so that it can be
    rendered meanwhile. `on_step` receives progress, `notice` what is left out.

    Raises BlazePalmError if a source cannot be read or converted, CouldNotVerify if LiteRT is
    missing or cannot run it; with `keep_going` the error becomes one of the report's `failures`,
    and the other sources are compared.
    """
    start = time.perf_counter()
    leave_unguarded()
    known = [field.name for field in fields(Options)]
    for name in settings:
        if name not in known:
            raise TypeError(unknown_name("setting", name, known))
    options = Options(**settings)
    failures: list[Failure] = []

    def failed(source: str, error: BlazePalmError) -> None:
        if not keep_going:
            raise error
        failures.append(Failure(source, str(error), 3 if isinstance(error, CouldNotVerify) else 2))

    failures += [Failure(path, said, 2) for path, said in skipped_files(options.images)]
    with ExitStack() as stack:
        stack.enter_context(one_torch_thread())
        packages = None
        if options.coreml:
            packages = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        images = options.has_images or golden_from is not None
        opened = _open(sources, packages, options, images, failed, notice, on_step)
        if golden_from is not None and opened:
            options = replace(options, golden=golden_from())
        place, journal = None, None
        if options.folder is not None and opened:
            place = options.folder / JOURNAL
            stack.enter_context(claim(place))
        while True:
            models, plan = _plan(opened, packages, options)
            subjects = [subject for _, subject in models]
            if place is not None:
                journal = Journal(place, _identity(plan, subjects, options))
            try:
                totals = _run(plan, subjects, options, journal, on_step)
                break
            except BlazePalmError as error:
                opened = _without_broken(opened, error, failed)
        judged = [subject for _, subject in opened]
        found_groups = make_groups(plan.groups, subjects)
        contents = {
            subject.name: float_form(source.content, source.name) for source, subject in models
        }
        layers, tested = {}, None
        if options.layers:
            workers = options.workers or processors()
            layers = compare_inside(found_groups, contents, input_cases(options), workers, on_step)
        if options.self_test:
            tested = plant_faults(found_groups, contents, input_cases(options), on_step)
    report = make_report(
        totals,
        judged,
        options.limits,
        layers=layers,
        failures=failures,
        options=RunOptions(
            noise=options.noise_inputs,
            seed=options.seed,
            images=options.images,
            coreml=options.coreml,
            compress=options.compress,
            reference_every=options.reference_every,
        ),
        golden=golden_entry(options.golden),
        self_test=tested,
        seconds=time.perf_counter() - start,
        resumed=journal.resumed if journal else 0,
    )
    if journal is not None:
        journal.remove()
    return report


def input_cases(options: Options) -> Iterator[Case]:
    """All inputs: golden images, the user's own, noise."""
    golden = golden_cases(options.golden) if options.golden is not None else iter(())
    own = own_cases(options.images) if options.images else iter(())
    cases = distinct_cases(chained(golden, own, noise_cases(options.noise_inputs, options.seed)))
    return sparing(cases, spared_backends(), options.reference_every)


def _open(
    sources: Sequence[str | Path],
    packages: Path | None,
    options: Options,
    images: bool,
    failed: Callable[[str, BlazePalmError], None],
    notice: Callable[[str], None],
    on_step: OnStep,
) -> Opened:
    """Every model of every source. Refuses two with one name, since a report lists it once."""
    copies = (options.workers or processors()) if options.engine == THREADS else 1
    opened: dict[str, tuple[Source, Subject]] = {}
    for name, content, folder in _contents(sources, failed, notice):
        on_step(f"converting {Path(name).name}", 0, None)
        source = Source(name, content, overrides=options.overrides, folder=folder)
        try:
            subject = open_source(
                source,
                workers=copies,
                packages=packages,
                compress=options.compress,
                images=images,
                asked_for=options.backends,
            )
            place = file_name(subject.name).casefold()
            twice = place in opened and folder is None and opened[place][0].folder is None
            if twice and is_same_network(subject, opened[place][1]):
                notice(f"{name}: same network as {subject.name}, compared only once")
                continue
            if place in opened:
                raise CouldNotVerify(
                    f"{name}: another model is already called {subject.name}; rename the file"
                )
        except BlazePalmError as error:
            failed(name, error)
            continue
        opened[place] = (source, subject)
    if opened:
        options.overrides.check_used([subject.family for _, subject in opened.values()])
    return list(opened.values())


def _plan(opened: Opened, packages: Path | None, options: Options) -> tuple[Opened, Plan]:
    """The models to run, with a detector for landmark models that have none, and their plan."""
    models, groups = opened, group_models([subject for _, subject in opened])
    if options.has_images:
        models, groups = with_companion(models, groups)
    return models, Plan(
        sources=tuple(source for source, _ in models),
        groups=groups,
        packages=packages,
        compress=options.compress,
        images=options.has_images,
        raw=options.folder / "raw" if options.folder and options.raw else None,
        margin=options.limits.margin,
        asked_for=options.backends,
    )


def _without_broken(
    opened: Opened, error: BlazePalmError, failed: Callable[[str, BlazePalmError], None]
) -> Opened:
    """The models that run on noise, after comparing all of them raised `error`: those that do not
    are reported, so that they take no other's results along. Raises `error` if all run.
    """
    running = []
    for source, subject in opened:
        inputs = noise(subject.input_shape, subject.value_range, policy.SEED, 0)
        try:
            for name in subject.names:
                subject.runner(name)(inputs)
        except BlazePalmError as broken:
            failed(source.name, broken)
            continue
        running.append((source, subject))
    if len(running) == len(opened):
        raise error
    return running


def is_same_network(one: Subject, other: Subject) -> bool:
    """Whether two models compute the same network, even if their files differ."""
    from blazepalm.converter.known import network_of

    networks = {network_of(subject.converted.graph) for subject in (one, other)}
    return len(networks) == 1 and None not in networks


def _run(
    plan: Plan,
    subjects: Sequence[Subject],
    options: Options,
    journal: Journal | None,
    on_step: OnStep,
) -> Totals:
    totals = Totals(options.limits)
    total: int | None = options.noise_inputs
    if options.golden is not None:
        total = options.noise_inputs + sum(case.readable for case in options.golden.cases)
    if options.images:
        total = None
    if plan.groups:
        found = records(
            plan,
            make_groups(plan.groups, subjects),
            input_cases(options),
            engine=options.engine,
            workers=options.workers,
            address=options.address,
            journal=journal,
            on_case=lambda done: on_step("comparing", done, total),
        )
        for case in found:
            totals.add(case)
    return totals


def _identity(plan: Plan, subjects: Sequence[Subject], options: Options) -> dict[str, Any]:
    """What must be unchanged for an interrupted run to resume."""
    return {
        "models": [subject.converted.graph.sha256 for subject in subjects],
        "names": [subject.name for subject in subjects],
        "backends": [subject.names for subject in subjects],
        "groups": plan.groups,
        "artifacts": [dict(subject.artifacts) for subject in subjects],
        "raw": plan.raw is not None,
        "margin": plan.margin,
        "seed": options.seed,
        "noise": options.noise_inputs,
        "reference_every": options.reference_every,
        "specs": [_spec(subject) for subject in subjects],
        "images": list(options.images),
        "golden": plain(golden_entry(options.golden)),
        "tools": tool_versions(),
    }


def _spec(subject: Subject) -> dict[str, Any] | None:
    recognition = subject.converted.recognition
    return None if recognition is None else spec_to_dict(recognition.spec)


def _contents(
    sources: Sequence[str | Path],
    failed: Callable[[str, BlazePalmError], None],
    notice: Callable[[str], None],
) -> Iterator[tuple[str, bytes, Path | None]]:
    """(name, bytes, converted folder) of every model."""
    from blazepalm.converter.tflite.bundle import left_out, open_contents
    from blazepalm.models.releases import resolve

    for source in sources:
        try:
            if is_converted(source):
                found = original(Path(source))
                yield found.source, found.content, Path(source)
                continue
            contents = open_contents(resolve(str(source)))
        except BlazePalmError as error:
            failed(str(source), error)
            continue
        if note := left_out(contents):
            notice(note)
        for member, failure in contents.failures:
            failed(member, failure)
        yield from ((*model, None) for model in contents.models)
