"""Lowers several models for ExecuTorch in processes of their own, while this one opens the first.

The programs come back through the cache (`converter.pte_cache`), where a process that needs one
waits for another that is making it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from blazepalm.errors import BlazePalmError

Model = tuple[str, bytes]  # its name in messages, its bytes

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from blazepalm.reports.backends.lowering_ahead import lower_all; "
    "lower_all(json.loads(sys.argv[2]))"
)


@contextmanager
def lowering_ahead(models: Sequence[Model], processes: int) -> Iterator[Callable[[], None]]:
    """Gives a function that starts lowering the models, in at most `processes` processes; called
    again it does nothing. What is not finished at the end is given up.
    """
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:

        def start() -> None:
            if started:
                return
            listed = []
            for number, (source, content) in enumerate(models):
                path = Path(folder) / str(number)
                path.write_bytes(content)
                listed.append([str(path), source])
            for number in range(min(processes, len(models))):
                command = [sys.executable, "-I", "-c", START, json.dumps(sys.path)]
                command.append(json.dumps(listed[number::processes]))
                quiet = subprocess.DEVNULL
                started.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))

        try:
            yield start
        finally:
            for process in started:
                process.kill()
                process.wait()


def lower_all(models: list[list[str]]) -> None:
    """The other process's side: keeps the program of each [path of its bytes, name] in the cache.
    Whoever needs a program that cannot be made meets the error himself.
    """
    import torch

    from blazepalm.converter.convert import convert_graph
    from blazepalm.converter.pte_cache import cached_pte
    from blazepalm.converter.tflite import read_bytes

    torch.set_num_threads(1)
    for path, source in models:
        with suppress(BlazePalmError):
            graph = read_bytes(Path(path).read_bytes(), source)
            cached_pte(convert_graph(graph, lambda note: None))
