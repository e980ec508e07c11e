"""The models and groups of a run, which every engine works from, and the worker that opens them
in its own process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from blazepalm.converter.evidence import NO_OVERRIDES, Overrides
from blazepalm.processor import usable_processors
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.judge.policy import LIMITS, MAX_WORKERS, Limits
from blazepalm.reports.stored.raw_files import write_raw
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject


class Source(NamedTuple):
    """One model: its name, its bytes, whether it is compared itself, what the user states about it,
    and the converted folder to compare instead of converting it; `candidates`: other people's
    conversions of it, compared instead of ours.
    """

    name: str
    content: bytes
    judged: bool = True
    overrides: Overrides = NO_OVERRIDES
    folder: Path | None = None
    candidates: tuple[str, ...] = ()


class GroupIndices(NamedTuple):
    """A `Group` as indices of its models in the plan."""

    palm: int | None
    hands: tuple[int, ...]
    other: int | None
    judged: bool


@dataclass(frozen=True)
class Plan:
    """What a worker in another process needs to open the same groups and do the same work.
    `packages`: the folder of Core ML packages, or None; `compress`: how the float16 ones are
    compressed; `images`: whether any case is an image; `raw`: the folder for raw outputs, or
    None; `limits`: see `compare_case`; `asked_for`: backends that run only if named;
    `cache`: whether answers are kept across runs.
    """

    sources: tuple[Source, ...]
    groups: tuple[GroupIndices, ...]
    packages: Path | None = None
    compress: str | None = None
    images: bool = True
    raw: Path | None = None
    limits: Limits = LIMITS
    asked_for: tuple[str, ...] = ()
    cache: bool = False


class PendingRecord(Protocol):
    """The record of a task in progress."""

    def result(self) -> Record: ...


Submit = Callable[[int, Case], PendingRecord]  # starts one task: (group's index, case)


class Engine(NamedTuple):
    """Starts tasks; `workers` of them run at once."""

    submit: Submit
    workers: int


def processors() -> int:
    """The number of processors this process may use, capped."""
    return min(usable_processors(), MAX_WORKERS)


def open_source(
    source: Source,
    *,
    workers: int,
    packages: Path | None,
    compress: str | None = None,
    images: bool = True,
    asked_for: tuple[str, ...] = (),
    before_lowering: Callable[[], None] = lambda: None,
    cache: bool = False,
) -> Subject:
    """Opens one model of a plan; for a model that only finds regions, just the backend it needs.
    Raises BlazePalmError as `open_subject` does.
    """
    if not source.judged:
        return open_subject(
            source.name,
            source.content,
            workers=workers,
            packages=None,
            only=(TFLITE,),
            cache=cache,
        )
    return open_subject(
        source.name,
        source.content,
        workers=workers,
        packages=packages,
        images=images,
        compress=compress,
        overrides=source.overrides,
        folder=source.folder,
        asked_for=asked_for,
        candidates=source.candidates,
        before_lowering=before_lowering,
        cache=cache,
    )


def make_groups(numbers: Sequence[GroupIndices], subjects: Sequence[Subject]) -> list[Group]:
    """The plan's groups of opened models."""

    def of(number: int | None) -> Subject | None:
        return None if number is None else subjects[number]

    return [
        Group(of(n.palm), tuple(subjects[hand] for hand in n.hands), of(n.other), n.judged)
        for n in numbers
    ]


class Worker:
    """A plan's groups, opened in the process that does the work."""

    def __init__(self, plan: Plan, packages: Path | None) -> None:
        import torch

        torch.set_num_threads(1)
        self.plan = plan
        subjects = [
            open_source(
                source,
                workers=1,
                packages=packages,
                compress=plan.compress,
                images=plan.images,
                asked_for=plan.asked_for,
                cache=plan.cache,
            )
            for source in plan.sources
        ]
        self.groups = make_groups(plan.groups, subjects)

    def work(self, group: int, case: Case) -> Record:
        """Runs one task; raw outputs stay in the record."""
        return compare_case(
            self.groups[group],
            case,
            keep_raw=self.plan.raw is not None,
            limits=self.plan.limits,
        )


def hand_over_raw(raw: Path | None, record: Record) -> None:
    """Moves a record's raw outputs to files, if there is a folder for them."""
    if raw is not None and record.raw:
        write_raw(raw, record)
        record.raw = {}
