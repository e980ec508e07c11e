"""Runs tasks on a Ray cluster (https://docs.ray.io): one actor per worker, each with the plan's
models opened; tasks are dealt out in turn.

Every machine needs this package. Machines need not share a folder: an actor that does not see the
exported Core ML packages exports its own, with the same bytes, and raw outputs travel with the
records and are written here.
"""

import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blazepalm.errors import BlazePalmError, CouldNotVerify, first_line
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.record import Record
from blazepalm.reports.engine.plan import Engine, Plan, Worker, processors

SECONDS = 10.0  # timeout for connecting to a cluster
MISSING = "--engine ray needs Ray; install it with: pip install 'blazepalm[ray]'"


class Actor:
    """A worker, possibly on another machine."""

    def __init__(self, plan: Plan) -> None:
        packages = plan.packages
        if packages is not None and not packages.is_dir():
            self._folder = tempfile.TemporaryDirectory()
            packages = Path(self._folder.name)
        self.worker = Worker(plan, packages)

    def work(self, group: int, case: Case) -> Record:
        return self.worker.work(group, case)


@dataclass(frozen=True)
class Promise:
    """A task's result; re-raises a BlazePalmError with its own type."""

    ray: Any
    reference: Any

    def result(self) -> Record:
        try:
            found: Record = self.ray.get(self.reference)
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, BlazePalmError):
                raise error.cause from None
            raise
        except self.ray.exceptions.RayActorError as error:
            raise CouldNotVerify(f"a worker on Ray died: {first_line(error)}") from error
        return found


def open_ray(stack: ExitStack, plan: Plan, workers: int | None, address: str | None) -> Engine:
    """Starts `workers` actors at `address`, or on a cluster of this machine alone; never more
    than the cluster has processors, since an actor without one would never start.

    Raises CouldNotVerify if Ray is missing or the cluster does not answer.
    """
    try:
        import ray
    except ImportError as error:
        raise CouldNotVerify(MISSING) from error
    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address is None:
            workers = workers or processors()
            options |= {"num_cpus": workers, "include_dashboard": False}
        else:
            _knock(address)
        try:
            ray.init(address=address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            what = f"Ray at {address or 'this machine'}: {first_line(error)}"
            if address and isinstance(error, ConnectionError):
                what += "; if the cluster asks for a token, set RAY_AUTH_MODE=token"
            raise CouldNotVerify(what) from error
        stack.callback(ray.shutdown)
    most = int(ray.cluster_resources().get("CPU", 0))
    if most < 1:
        raise CouldNotVerify(f"Ray at {address}: the cluster has no processor")
    workers = min(workers or most, most)
    shared = ray.put(plan)
    remote: Any = ray.remote(num_cpus=1)(Actor)
    actors = [remote.remote(shared) for _ in range(workers)]
    for actor in actors:
        stack.callback(ray.kill, actor)
    turn = 0

    def submit(group: int, case: Case) -> Promise:
        nonlocal turn
        turn += 1
        return Promise(ray, actors[turn % workers].work.remote(group, case))

    return Engine(submit, workers)


def _knock(address: str) -> None:
    """Raises CouldNotVerify if nothing answers at host:port; Ray itself would retry for minutes."""
    try:
        place = urlsplit(address if "//" in address else f"//{address}")
        if place.hostname and place.port:
            socket.create_connection((place.hostname, place.port), timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        raise CouldNotVerify(
            f"Ray at {address}: {first_line(error)}; is the cluster running?"
        ) from error
