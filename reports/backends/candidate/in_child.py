"""A `.tflite` candidate in LiteRT, in a process of its own (`blazepalm.child`): a stranger's
file can crash or hang the runtime.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from blazepalm.child import Child, ChildLimits
from blazepalm.converter.litert_probe import trust_all
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.revived import Revived

Arrays = dict[str, np.ndarray]
LIMITS = ChildLimits(opening=60.0, call=60.0, memory=4.0)
IMAGE = "image"


def open_here(content: bytes, outputs: list[str], source: str) -> Callable[[Arrays], Arrays]:
    """In the child: a function from the image to the outputs by position, as text."""
    trust_all()  # this process is the one that the file may end
    backend = open_litert(content, tuple(outputs), source=source)

    def run(given: Arrays) -> Arrays:
        found = backend.run(given[IMAGE])
        return {str(i): np.asarray(found[name]) for i, name in enumerate(outputs)}

    return run


def litert_in_child(
    content: bytes, outputs: tuple[str, ...], source: str
) -> Callable[[np.ndarray], Arrays]:
    """LiteRT on a file's bytes in a process of its own: images → outputs by name. Raises
    CouldNotVerify if LiteRT refuses the file, ProcessDied if it dies of it, then or in a call.
    """
    given: dict[str, Any] = {"content": content, "outputs": list(outputs), "source": source}
    child = Revived(partial(Child, f"LiteRT on {source}", f"{__name__}:open_here", given, LIMITS))
    child.open()

    def run(images: np.ndarray) -> Arrays:
        found = child({IMAGE: images})
        return {name: found[str(i)] for i, name in enumerate(outputs)}

    return run
