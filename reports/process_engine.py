"""Tasks in processes of this machine, each with the plan's models opened."""

import multiprocessing
import os
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from blazepalm.reports.backends.litert import hush_litert
from blazepalm.reports.cases import Case
from blazepalm.reports.engine import Plan, Submit, Worker, hand_over_raw
from blazepalm.reports.record import Record

_worker: Worker | None = None  # of this process


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
    return lambda group, case: processes.submit(_work, group, case)


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
