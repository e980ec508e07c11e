"""Cases through groups of models: in threads, in processes, or on a Ray cluster.

The work is the same tasks (one case, one group) whichever engine runs them, and their records
are handed on in the tasks' order, so the report does not depend on the engine, on how many
work at once, or on what was done before an interruption. At most a few cases are held.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from blazepalm.models.errors import BlazePalmError, CouldNotVerify
from blazepalm.reports.cases import Case
from blazepalm.reports.journal import Journal
from blazepalm.reports.raw import write_raw
from blazepalm.reports.subject import Subject, open_subject
from blazepalm.reports.unit import Group, Record, compare_case

THREADS, PROCESSES, RAY = "threads", "processes", "ray"


@dataclass(frozen=True)
class Plan:
    """What a worker in another process needs to open the same groups. `models`: (source, bytes);
    `groups`: for each group the models' numbers (palm, hands, other, judged). `raw`: the folder
    for raw outputs, or None.
    """

    models: tuple[tuple[str, bytes], ...]
    groups: tuple[tuple[int | None, tuple[int, ...], int | None, bool], ...]
    packages: Path | None
    raw: Path | None


class Submit(Protocol):
    """Starts one task; the result is waited for later."""

    def __call__(self, group: int, case: Case) -> "Waiting": ...


class Waiting(Protocol):
    def result(self) -> Record: ...


def records(
    plan: Plan,
    groups: Sequence[Group],
    cases: Iterable[Case],
    *,
    engine: str,
    workers: int,
    address: str | None = None,
    journal: Journal | None = None,
    on_case: Callable[[int], None] = lambda done: None,
) -> Iterator[list[Record]]:
    """The records of each case, one a group, in order. `groups` are the plan's, opened here."""
    with ExitStack() as stack:
        submit = _open_engine(stack, plan, groups, engine, workers, address)
        waiting: deque[list[tuple[int, int, Waiting | Record]]] = deque()
        try:
            done = 0
            for index, case in enumerate(cases):
                tasks: list[tuple[int, int, Waiting | Record]] = []
                for number in range(len(groups)):
                    known = journal.read(index, number, case.sha256) if journal else None
                    tasks.append((index, number, known or submit(number, case)))
                waiting.append(tasks)
                if len(waiting) > workers:
                    yield _finish(waiting.popleft(), journal, plan.raw)
                    done += 1
                    on_case(done)
            while waiting:
                yield _finish(waiting.popleft(), journal, plan.raw)
                done += 1
                on_case(done)
        finally:  # an error or Ctrl-C: what has not begun never does
            for tasks in waiting:
                for _, _, task in tasks:
                    if isinstance(task, Future):
                        task.cancel()


def open_groups(
    plan: Plan, workers: int, on_open: Callable[[str], None] = lambda name: None
) -> list[Group]:
    """Opens every model of the plan. Raises BlazePalmError as `open_subject`."""
    subjects: list[Subject] = []
    for source, content in plan.models:
        on_open(source)
        subjects.append(open_subject(source, content, workers=workers, packages=plan.packages))
    return make_groups(plan, subjects)


def make_groups(plan: Plan, subjects: Sequence[Subject]) -> list[Group]:
    """The plan's groups of opened models."""

    def of(number: int | None) -> Subject | None:
        return None if number is None else subjects[number]

    return [
        Group(of(palm), tuple(subjects[hand] for hand in hands), of(other), judged)
        for palm, hands, other, judged in plan.groups
    ]


def _finish(
    tasks: list[tuple[int, int, "Waiting | Record"]], journal: Journal | None, raw: Path | None
) -> list[Record]:
    found = []
    for index, group, task in tasks:
        if isinstance(task, Record):
            found.append(task)
            continue
        record = task.result()
        _write_raw(raw, record)  # of a worker on another machine
        if journal is not None:
            journal.write(index, group, record)
        found.append(record)
    return found


def _open_engine(
    stack: ExitStack,
    plan: Plan,
    groups: Sequence[Group],
    engine: str,
    workers: int,
    address: str | None,
) -> Submit:
    if engine == RAY:
        return _open_ray(stack, plan, workers, address)
    if engine == PROCESSES:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        processes = ProcessPoolExecutor(workers, context, _initialise, (plan,))
        stack.callback(processes.shutdown, wait=True, cancel_futures=True)
        return lambda group, case: processes.submit(_work, group, case)
    threads = ThreadPoolExecutor(workers)
    stack.callback(threads.shutdown, wait=True, cancel_futures=True)
    return lambda group, case: threads.submit(_compare, groups[group], case, plan.raw)


def _compare(group: Group, case: Case, raw: Path | None) -> Record:
    record = compare_case(group, case, keep_raw=raw is not None)
    _write_raw(raw, record)
    return record


def _write_raw(raw: Path | None, record: Record) -> None:
    if raw is not None and record.raw:
        write_raw(raw, record)
        record.raw = {}


_opened: tuple[Plan, list[Group]] | None = None  # of this worker process


def _initialise(plan: Plan) -> None:
    """Opens the groups in a worker process."""
    global _opened
    import torch

    torch.set_num_threads(1)
    _opened = (plan, open_groups(plan, 1))


def _work(group: int, case: Case) -> Record:
    assert _opened is not None
    plan, groups = _opened
    return _compare(groups[group], case, plan.raw)


def _open_ray(stack: ExitStack, plan: Plan, workers: int, address: str | None) -> Submit:
    """One actor a worker, each task to the next one; raw outputs are written here."""
    try:
        import ray
    except ImportError as error:
        raise CouldNotVerify(
            "--engine ray needs Ray; install it with: pip install 'blazepalm[ray]'"
        ) from error

    class Worker:
        def __init__(self, plan: Plan) -> None:
            _initialise(plan)

        def work(self, group: int, case: Case) -> Record:
            assert _opened is not None
            plan, groups = _opened
            return compare_case(groups[group], case, keep_raw=plan.raw is not None)

    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address is None:
            options |= {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise CouldNotVerify(f"Ray at {address or 'this machine'}: {error}") from error
        stack.callback(ray.shutdown)
    shared = ray.put(plan)
    remote: Any = ray.remote(num_cpus=1)(Worker)
    actors = [remote.remote(shared) for _ in range(workers)]
    turn = 0

    @dataclass(frozen=True)
    class Reference:
        value: Any

        def result(self) -> Record:
            try:
                found: Record = ray.get(self.value)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause
                raise cause if isinstance(cause, BlazePalmError) else error from None
            return found

    def submit(group: int, case: Case) -> Reference:
        nonlocal turn
        turn += 1
        return Reference(actors[turn % workers].work.remote(group, case))

    return submit
