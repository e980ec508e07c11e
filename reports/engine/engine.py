"""Cases through groups of models: in threads, in processes, or on a Ray cluster.

The work is the same tasks (one case, one group) whichever engine runs them, and their records
are handed on in the tasks' order, so the report does not depend on the engine, on how many
work at once, or on what was done before an interruption. At most a few cases are held.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from blazepalm.converter.threads import use_one_torch_thread
from blazepalm.errors import InvalidInput
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.roles import TFLITE
from blazepalm.reports.engine.journal import Journal
from blazepalm.reports.judge.policy import LIMITS, MAX_WORKERS
from blazepalm.reports.stored.raw_files import write_raw
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject

THREADS, PROCESSES, RAY = "threads", "processes", "ray"


class Source(NamedTuple):
    """One model: what it is called, its bytes, and whether it is compared itself."""

    name: str
    content: bytes
    judged: bool = True


class Numbers(NamedTuple):
    """A `Group` by the numbers of its models in the plan."""

    palm: int | None
    hands: tuple[int, ...]
    other: int | None
    judged: bool


@dataclass(frozen=True)
class Plan:
    """What a worker in another process needs to open the same groups and do the same work.
    `packages`: the folder of Core ML packages, None without; `compress`: how the float16 ones are
    compressed; `images`: whether any case is one; `raw`: the folder for raw outputs, None
    without; `margin`: see `compare_case`.
    """

    sources: tuple[Source, ...]
    groups: tuple[Numbers, ...]
    packages: Path | None = None
    compress: str | None = None
    images: bool = True
    raw: Path | None = None
    margin: float = LIMITS.margin


class Waiting(Protocol):
    """A task that was begun."""

    def result(self) -> Record: ...


Submit = Callable[[int, Case], Waiting]  # starts one task: the group's number, and a case


class Engine(NamedTuple):
    """How tasks are started, and how many are worked on at once."""

    submit: Submit
    workers: int


class Task(NamedTuple):
    """One case (by its place) and group: a record that is known, or will be."""

    place: int
    group: int
    record: Record | Waiting


def records(
    plan: Plan,
    groups: Sequence[Group],
    cases: Iterable[Case],
    *,
    engine: str,
    workers: int | None,
    address: str | None = None,
    journal: Journal | None = None,
    on_case: Callable[[int], None] = lambda done: None,
) -> Iterator[list[Record]]:
    """The records of each case, one a group, in order. `groups` are the plan's, opened here.
    `workers`: how many work at once, by default one a processor (with `address`, the cluster's).
    """
    with ExitStack() as stack:
        submit, at_once = _open_engine(stack, plan, groups, engine, workers, address)
        waiting: deque[list[Task]] = deque()

        def finished() -> list[Record]:
            return [_finish(task, journal, plan.raw) for task in waiting.popleft()]

        done = 0
        try:
            for index, case in enumerate(cases):
                tasks = []
                for number in range(len(groups)):
                    known = journal.read(index, number, case) if journal else None
                    tasks.append(Task(index, number, known or submit(number, case)))
                waiting.append(tasks)
                if len(waiting) > at_once:
                    yield finished()
                    on_case(done := done + 1)
            while waiting:
                yield finished()
                on_case(done := done + 1)
        finally:  # an error or Ctrl-C: what has not begun never does
            for tasks in waiting:
                for task in tasks:
                    if isinstance(task.record, Future):
                        task.record.cancel()


def processors() -> int:
    """Processors that this process may use, within reason."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(count, MAX_WORKERS)


def open_source(
    source: Source,
    *,
    workers: int,
    packages: Path | None,
    compress: str | None = None,
    images: bool = True,
) -> Subject:
    """Opens one model of a plan; of one that only finds regions, no more than does that.
    Raises BlazePalmError as `open_subject`.
    """
    if not source.judged:
        return open_subject(
            source.name, source.content, workers=workers, packages=None, only=(TFLITE,)
        )
    return open_subject(
        source.name,
        source.content,
        workers=workers,
        packages=packages,
        images=images,
        compress=compress,
    )


def make_groups(numbers: Sequence[Numbers], subjects: Sequence[Subject]) -> list[Group]:
    """The plan's groups of opened models."""

    def of(number: int | None) -> Subject | None:
        return None if number is None else subjects[number]

    return [
        Group(of(n.palm), tuple(subjects[hand] for hand in n.hands), of(n.other), n.judged)
        for n in numbers
    ]


class Worker:
    """A plan's groups, opened where the work is done."""

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
            )
            for source in plan.sources
        ]
        self.groups = make_groups(plan.groups, subjects)

    def work(self, group: int, case: Case) -> Record:
        """One task; raw outputs stay in the record."""
        return compare_case(
            self.groups[group],
            case,
            keep_raw=self.plan.raw is not None,
            margin=self.plan.margin,
        )


def _finish(task: Task, journal: Journal | None, raw: Path | None) -> Record:
    if isinstance(task.record, Record):
        return task.record
    record = task.record.result()
    hand_over_raw(raw, record)  # of a worker on another machine
    if journal is not None:
        journal.write(task.place, task.group, record)
    return record


def _open_engine(
    stack: ExitStack,
    plan: Plan,
    groups: Sequence[Group],
    engine: str,
    workers: int | None,
    address: str | None,
) -> Engine:
    if engine == RAY:
        from blazepalm.reports.engine.ray_cluster import open_ray

        return open_ray(stack, plan, workers, address)
    workers = workers or processors()
    if engine == PROCESSES:
        from blazepalm.reports.engine.processes import open_processes

        return Engine(open_processes(stack, plan, workers), workers)
    if engine != THREADS:
        raise InvalidInput(f"engine {engine!r} is unknown; choose threads, processes or ray")
    threads = ThreadPoolExecutor(workers, initializer=use_one_torch_thread)
    stack.callback(threads.shutdown, wait=True, cancel_futures=True)

    def work(group: int, case: Case) -> Record:
        record = compare_case(
            groups[group], case, keep_raw=plan.raw is not None, margin=plan.margin
        )
        hand_over_raw(plan.raw, record)
        return record

    return Engine(lambda group, case: threads.submit(work, group, case), workers)


def hand_over_raw(raw: Path | None, record: Record) -> None:
    """Raw outputs become files where a folder for them is; the record then has none."""
    if raw is not None and record.raw:
        write_raw(raw, record)
        record.raw = {}
