"""Runs tasks in processes on this machine; each process opens the plan's models."""

import multiprocessing
import tempfile
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from blazepalm.converter.litert_probe import trust_all
from blazepalm.errors import CouldNotVerify
from blazepalm.golden.processes import deaf_to_ctrl_c, end_with_parent
from blazepalm.reports.backends.litert import hush_litert
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.engine.plan import Plan, Submit, Worker, hand_over_raw

UNGUARDED = 86  # exit code of a process whose script has no main guard and would spawn endlessly

_worker: Worker | None = None  # of this process


def leave_unguarded() -> None:
    """Ends a process that `open_processes` started and that is still importing the main script,
    which calls parity without a main guard: it would start more processes.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(UNGUARDED)


class Processes:
    """A process pool, and the processes it started, for their exit codes."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool
        self.started: set[BaseProcess] = set()

    def submit(self, group: int, case: Case) -> "Begun":
        try:
            with deaf_to_ctrl_c():
                future = self.pool.submit(_work, group, case)
        except BrokenProcessPool as error:
            raise CouldNotVerify(self.why()) from error
        self.started.update(multiprocessing.active_children())
        return Begun(future, self)

    def why(self) -> str:
        """The reason why a process died; waits for the pool, so that exit codes are known."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        if any(process.exitcode == UNGUARDED for process in self.started):
            return (
                "each process imports the script that starts it: put the call of parity under "
                '`if __name__ == "__main__":`'
            )
        return "a worker process died; is there enough memory for this many jobs?"


@dataclass(frozen=True)
class Begun:
    """One task in a worker process."""

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
    # a process's start-up data must fit into a pipe: otherwise, if the process dies on starting,
    # this one waits forever
    files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for number, source in enumerate(plan.sources):
        (files / str(number)).write_bytes(source.content)
    slim = replace(plan, sources=tuple(s._replace(content=b"") for s in plan.sources))
    processes = ProcessPoolExecutor(workers, context, _initialise, (slim, files))
    stack.callback(processes.shutdown, wait=True, cancel_futures=True)
    return Processes(processes).submit


def _initialise(slim: Plan, files: Path) -> None:
    """Opens the groups in a worker process, which ends when its parent does. `files`: the folder
    of the models' bytes, each file named by the model's index.
    """
    global _worker
    hush_litert()
    trust_all()
    end_with_parent()
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
