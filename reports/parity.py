"""`blazepalm.parity`: compares readable modules and Core ML packages with LiteRT and the float64
oracle, on golden images.

A source holds one or more models (a bundle has several); each is read and converted once, its
Core ML packages are saved and read back, and every image goes through every backend. Detectors
are compared together with the landmark models that take regions from them.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.atomic import claim
from blazepalm.converter.tflite.float_form import float_form
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import BlazePalmError, CouldNotVerify, unknown_name
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.reports.cases.blind import found_nothing, rendered_records
from blazepalm.reports.cases.inputs import skipped_files
from blazepalm.reports.engine.engine import records
from blazepalm.reports.engine.groups import Opened, group_models, with_companion
from blazepalm.reports.engine.journal import JOURNAL, Journal
from blazepalm.reports.engine.plan import Plan, make_groups, processors
from blazepalm.reports.engine.processes import leave_unguarded
from blazepalm.reports.judge.assemble import (
    golden_entry,
    make_report,
    photo_credits,
    tool_versions,
)
from blazepalm.reports.judge.report import Failure, ParityReport, plain
from blazepalm.reports.judge.report_parts import RunOptions
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.parity_inside import compare_inside, plant_faults
from blazepalm.reports.parity_models import OnStep, open_models, without_broken
from blazepalm.reports.parity_options import Options, input_cases
from blazepalm.reports.report_folder import owned_files, remove_outputs
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet


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
    missing or cannot run it, or if no model saw two inputs; with `keep_going` the error of a source
    becomes one of the report's `failures`, and the other sources are compared.
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
        opened = open_models(sources, packages, options, images, failed, notice, on_step)
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
                older = owned_files(place.parent)
                journal = Journal(place, _identity(plan, subjects, options))
                if journal.begun:
                    remove_outputs(place.parent, older)
            try:
                totals = _run(plan, subjects, options, journal, on_step)
                break
            except BlazePalmError as error:
                opened = without_broken(opened, error, failed)
        if totals.inputs and max(totals.inputs.values()) == 1:
            raise CouldNotVerify(
                "one input cannot tell a network that works from one that always returns the same; "
                "compare at least two pictures or random inputs"
            )
        judged = [subject for _, subject in opened]
        for subject in judged:
            if found_nothing(totals.scalars, subject):
                for record in rendered_records(subject):
                    totals.add_numbers(record)
        found_groups = make_groups(plan.groups, subjects)
        contents = {
            subject.name: float_form(source.content, source.name) for source, subject in models
        }
        layers, tested = {}, None
        if options.layers:
            workers = options.workers or processors()
            layers = compare_inside(
                found_groups,
                contents,
                input_cases(options),
                workers,
                on_step,
                core_ai=options.reference_every == 1,
            )
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
        photos=photo_credits(options.photos),
        self_test=tested,
        seconds=time.perf_counter() - start,
        resumed=journal.resumed if journal else 0,
    )
    if journal is not None:
        journal.remove()
    return report


def _plan(opened: Opened, packages: Path | None, options: Options) -> tuple[Opened, Plan]:
    """The models to run, with a detector for landmark models that have none, and their plan."""
    models, groups = opened, group_models([subject for _, subject in opened])
    if options.has_images:
        models, groups = with_companion(models, groups, options.cache)
    return models, Plan(
        sources=tuple(source for source, _ in models),
        groups=groups,
        packages=packages,
        compress=options.compress,
        images=options.has_images,
        raw=options.folder / "raw" if options.folder and options.raw else None,
        limits=options.limits,
        asked_for=options.backends,
        cache=options.cache,
    )


def _run(
    plan: Plan,
    subjects: Sequence[Subject],
    options: Options,
    journal: Journal | None,
    on_step: OnStep,
) -> Totals:
    totals = Totals(options.limits)
    golden = () if options.golden is None else options.golden.cases
    known = options.noise_inputs + len(options.photos) + sum(case.readable for case in golden)
    total = None if options.images else known
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
        "limits": plain(plan.limits),
        "seed": options.seed,
        "noise": options.noise_inputs,
        "reference_every": options.reference_every,
        "specs": [_spec(subject) for subject in subjects],
        "images": list(options.images),
        "golden": plain(golden_entry(options.golden)),
        "photos": [found.photo.sha256 for found in options.photos],
        "tools": tool_versions(),
    }


def _spec(subject: Subject) -> dict[str, Any] | None:
    recognition = subject.converted.recognition
    return None if recognition is None else spec_to_dict(recognition.spec)
