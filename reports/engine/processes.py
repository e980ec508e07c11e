"""Tasks in processes of this machine, each with the plan's models opened."""

import multiprocessing
import os
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.litert import hush_litert
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.engine.plan import Plan, Submit, Worker, hand_over_raw

UNGUARDED = 86  # exit code of a process that a script without a main guard would make endless

_worker: Worker | None = None  # of this process


def leave_unguarded() -> None:
    """Ends a process that is only just importing the main script: one of `open_processes`, in a
    script whose call of parity is not under a main guard. Else it would start processes too.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(UNGUARDED)


class Processes:
    """A pool, and what it started: of those, how each ended."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool
        self.started: set[BaseProcess] = set()

    def submit(self, group: int, case: Case) -> "Begun":
        try:
            future = self.pool.submit(_work, group, case)
        except BrokenProcessPool as error:
            raise CouldNotVerify(self.why()) from error
        self.started.update(multiprocessing.active_children())
        return Begun(future, self)

    def why(self) -> str:
        if any(process.exitcode == UNGUARDED for process in self.started):
            return (
                "each process imports the script that starts it: put the call of parity under "
                '`if __name__ == "__main__":`'
            )
        return "a worker process died; is there memory for as many jobs?"


@dataclass(frozen=True)
class Begun:
    """One task in a process."""

    future: "Future[Record]"
    processes: Processes

    def result(self) -> Record:
        try:
            return self.future.result()
        except BrokenProcessPool as error:
            raise CouldNotVerify(self.processes.why()) from error


def open_processes(stack: ExitStack, plan: Plan, workers: int) -> Submit:
    """Starts `workers` processes, which end with the stack, or with this process."""
    context = multiprocessing.get_context("spawn")
    # what a process is given when it begins must fit into a pipe, or a process that dies
    # then and there would be waited for without end
    files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for number, source in enumerate(plan.sources):
        (files / str(number)).write_bytes(source.content)
    slim = replace(plan, sources=tuple(s._replace(content=b"") for s in plan.sources))
    processes = ProcessPoolExecutor(workers, context, _initialise, (slim, files))
    stack.callback(processes.shutdown, wait=True, cancel_futures=True)
    return Processes(processes).submit


def _initialise(slim: Plan, files: Path) -> None:
    """Opens the groups in a worker process, which ends with the process that began it. `files`:
    the folder of the models' bytes, each called by its number.
    """
    global _worker
    hush_litert()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sources = [
        source._replace(content=(files / str(number)).read_bytes())
        for number, source in enumerate(slim.sources)
    ]
    _worker = Worker(replace(slim, sources=tuple(sources)), slim.packages)


def _work(group: int, case: Case) -> Record:
    assert _worker is not None
    record = _worker.work(group, case)
    hand_over_raw(_worker.plan.raw, record)
    return record


def _end_with_parent() -> None:
    """One that was killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
