"""Runs cases through groups of models: in threads, in processes, or on a Ray cluster.

Every engine runs the same tasks (one case, one group) and yields their records in the tasks'
order, so the report does not depend on the engine, on the number of workers, or on what was done
before an interruption. At most a few cases are in memory at once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from blazepalm.converter.threads import use_one_torch_thread
from blazepalm.errors import InvalidInput, unknown_name
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.engine.journal import Journal
from blazepalm.reports.engine.plan import Engine, PendingRecord, Plan, hand_over_raw, processors

ENGINES = THREADS, PROCESSES, RAY = "threads", "processes", "ray"


class Task(NamedTuple):
    """One case (by its index) and group, with its record: known already, or pending."""

    place: int
    group: int
    record: Record | PendingRecord


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
    """Yields the records of each case, one per group, in order. `groups` are the plan's, opened
    here. `workers`: default one per processor (with `address`, per processor of the cluster).
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
        finally:  # after an error or Ctrl-C, tasks that have not begun never do
            for tasks in waiting:
                for task in tasks:
                    if isinstance(task.record, Future):
                        task.record.cancel()


def _finish(task: Task, journal: Journal | None, raw: Path | None) -> Record:
    if isinstance(task.record, Record):
        return task.record
    record = task.record.result()
    hand_over_raw(raw, record)  # from a worker on another machine
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
        raise InvalidInput(unknown_name("engine", engine, ENGINES))
    threads = ThreadPoolExecutor(workers, initializer=use_one_torch_thread)
    stack.callback(threads.shutdown, wait=True, cancel_futures=True)

    def work(group: int, case: Case) -> Record:
        record = compare_case(
            groups[group], case, keep_raw=plan.raw is not None, limits=plan.limits
        )
        hand_over_raw(plan.raw, record)
        return record

    return Engine(lambda group, case: threads.submit(work, group, case), workers)
