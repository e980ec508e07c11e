"""A `.tflite` candidate in LiteRT, an `.onnx` one in ONNX Runtime, in a process of its own
(`blazepalm.child`): a stranger's file can crash or hang the runtime.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.child import Child, ChildLimits
from blazepalm.converter.litert_probe import trust_all
from blazepalm.converter.onnx_file import need_onnx, open_session
from blazepalm.errors import CouldNotVerify, first_line
from blazepalm.reports.backends.candidate.onnx_precisions import precisions
from blazepalm.reports.backends.litert import open_litert
from blazepalm.reports.backends.revived import Revived

Arrays = dict[str, np.ndarray]
LIMITS = ChildLimits(opening=60.0, call=60.0, memory=4.0)
IMAGE = "image"
FACTS = "facts"  # of an ONNX file, as JSON


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


@dataclass(frozen=True)
class OnnxPort:
    """An input of an ONNX file: its name, ONNX Runtime's name of its type, its sizes, None where
    they are free.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxInChild:
    """An ONNX file that a process of its own has opened: its inputs, its outputs' names, the
    precision of its arithmetic and of its weights.
    """

    inputs: tuple[OnnxPort, ...]
    outputs: tuple[str, ...]
    computes: str
    stores: str
    child: Revived

    def run(self, name: str, values: np.ndarray) -> Arrays:
        """One input by name → the outputs. Raises CouldNotVerify if ONNX Runtime cannot run the
        file on it, ProcessDied if it dies.
        """
        found = self.child({name: values})
        return {output: found[str(i)] for i, output in enumerate(self.outputs)}


def onnx_in_child(path: Path) -> OnnxInChild:
    """ONNX Runtime on a file. Raises CouldNotVerify without the runtime, InvalidModel if it refuses
    the file, ProcessDied if it dies of it.
    """
    need_onnx()
    given: dict[str, Any] = {"path": str(path)}
    child = Revived(
        partial(Child, f"ONNX Runtime on {path}", f"{__name__}:open_onnx_here", given, LIMITS)
    )
    facts = json.loads(child({})[FACTS].tobytes())
    inputs = tuple(OnnxPort(name, kind, tuple(shape)) for name, kind, shape in facts["inputs"])
    computes, stores = facts["precisions"]
    return OnnxInChild(inputs, tuple(facts["outputs"]), computes, stores, child)


def open_onnx_here(path: str) -> Callable[[Arrays], Arrays]:
    """In the child: a function from one input to the outputs by position, as text; from nothing to
    what the file says of its inputs, outputs and precisions.
    """
    session = open_session(Path(path), path)
    facts = {
        "inputs": [
            (port.name, port.type, [n if isinstance(n, int) else None for n in port.shape])
            for port in session.get_inputs()
        ],
        "outputs": [port.name for port in session.get_outputs()],
        "precisions": precisions(path, [port.type for port in session.get_inputs()]),
    }

    def run(given: Arrays) -> Arrays:
        if not given:
            return {FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}
        try:
            found = session.run(None, given)
        except Exception as error:  # its errors have no common class but this
            raise CouldNotVerify(
                f"{path}: ONNX Runtime cannot run it: {first_line(error)}"
            ) from error
        return {str(i): np.asarray(value) for i, value in enumerate(found)}

    return run
