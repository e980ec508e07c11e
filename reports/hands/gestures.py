"""Opens the gesture networks of a bundle in a backend: `gesture_recognizer.task`, which also holds
the hand models, or the bundle in it, `hand_gesture_recognizer.task`.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.choose import is_bundle_with
from blazepalm.converter.convert import convert_graph
from blazepalm.converter.converted import Converted
from blazepalm.converter.folder import is_converted
from blazepalm.converter.gesture_structure import recognise_gestures
from blazepalm.converter.tflite.bundle import open_contents
from blazepalm.converter.tflite.foreign import is_core_ml
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import CouldNotVerify, InvalidModel
from blazepalm.models.gesture_pipeline import Classifier, GestureInputs, GestureModels
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER, GestureClassifierSpec
from blazepalm.models.releases import resolve
from blazepalm.reports.backends.backend import Opening
from blazepalm.reports.backends.names import MIL_FP16
from blazepalm.reports.backends.registry import registered
from blazepalm.reports.hands.open_model import Source

GESTURES = "gesture-recognizer-1"  # the release whose gestures are used where none are named
CANNED = "canned"  # in the name of MediaPipe's own classifier; others come before it

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]  # (1, M): the file's inputs one after the other → (values,)


def gestures_beside(model: Source) -> str:
    """The gesture models to use with a detector: those of the same bundle, if there are any."""
    plain = isinstance(model, str | Path) and not is_core_ml(Path(model))
    if plain and not is_converted(model) and is_bundle_with(str(model), EMBEDDER):
        return str(model)
    return GESTURES


def open_gestures(source: str | Path, backend: str = "torch", *, threads: int = 1) -> GestureModels:
    """Opens a bundle's embedder and its classifiers, one's own before MediaPipe's. `backend`:
    "torch", "tflite", "coreml" (float16, executed by blazepalm) or any registered one; `threads`:
    of LiteRT.

    Raises UnknownRelease, InvalidModel if the bundle does not hold one embedder and classifiers of
    its vectors with labels, and CouldNotVerify where a backend is missing or cannot run a model.
    """
    found: dict[str, list[tuple[Graph, bytes]]] = {EMBEDDER: [], CLASSIFIER: []}
    for name, content in open_contents(resolve(str(source))).models:
        graph = read_bytes(content, name)
        recognition, _ = recognise_gestures(graph)
        if recognition is not None:
            found[recognition.family].append((graph, content))
    if len(found[EMBEDDER]) != 1 or not found[CLASSIFIER]:
        counts = f"{len(found[EMBEDDER])} embedders and {len(found[CLASSIFIER])} classifiers"
        raise InvalidModel(
            f"{source}: holds {counts} of gestures, expected one embedder and its classifiers; "
            f"give gesture_recognizer.task (blazepalm releases fetch {GESTURES})"
        )
    ((graph, content),) = found[EMBEDDER]
    embedder, position = _opened(graph, content, backend, threads), _roles(graph)
    vector = graph.tensors[graph.outputs[0]].shape[1]
    own_first = sorted(found[CLASSIFIER], key=lambda item: CANNED in Path(item[0].source).name)

    def embed(inputs: GestureInputs) -> Floats:
        given = [getattr(inputs, role) for role in position]
        return embedder(np.concatenate([part.reshape(1, -1) for part in given], axis=1))

    classifiers = tuple(_classifier(*item, vector, backend, threads) for item in own_first)
    return GestureModels(embed, classifiers)


def _classifier(
    graph: Graph, content: bytes, vector: int, backend: str, threads: int
) -> Classifier:
    recognition, _ = recognise_gestures(graph)
    assert recognition is not None and isinstance(recognition.spec, GestureClassifierSpec)
    if recognition.spec.embedding != vector:
        raise InvalidModel(
            f"{graph.source}: classifies vectors of {recognition.spec.embedding} numbers, the "
            f"embedder gives {vector}"
        )
    if not recognition.spec.labels:
        raise InvalidModel(
            f"{graph.source}: carries no labels.txt with a label for each gesture; add it to the "
            "file's ZIP"
        )
    run = _opened(graph, content, backend, threads)
    return Classifier(lambda embedding: run(embedding[None]), recognition.spec.labels)


def _roles(graph: Graph) -> list[str]:
    """Which of `GestureInputs` each of an embedder's inputs is. Only the landmarks are read, so the
    others are told apart by their shapes.
    """
    recognition, _ = recognise_gestures(graph)
    assert recognition is not None
    shapes = [graph.tensors[t].shape for t in graph.inputs]
    points = shapes[recognition.input]
    roles = [
        "landmarks"
        if i == recognition.input
        else {points: "world_landmarks", (1, 1): "handedness"}.get(shape, "")
        for i, shape in enumerate(shapes)
    ]
    if "" in roles:
        raise InvalidModel(
            f"{graph.source}: has an input of shape {list(shapes[roles.index('')])}; expected "
            "landmarks, handedness and world landmarks"
        )
    return roles


def _opened(graph: Graph, content: bytes, name: str, threads: int) -> Run:
    """One network as a function of its inputs in a row."""
    if name == "tflite":
        from blazepalm.converter.tflite.float_form import float_form
        from blazepalm.reports.backends.backend import output_names
        from blazepalm.reports.backends.litert import open_litert

        outputs = output_names(graph)
        content = float_form(content, graph.source)
        return _values(
            open_litert(content, outputs, source=graph.source, threads=threads).run, outputs[0]
        )
    converted: Converted = convert_graph(graph, lambda note: None)
    registration = registered()[MIL_FP16 if name == "coreml" else name]
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        opening = Opening(converted, content, packages=Path(made))
        reason = registration.available()
        backend = registration.open(opening) if reason is None else None
    if backend is None:
        raise CouldNotVerify(reason or f"{graph.source}: backend {name} cannot run it")
    return _values(backend.run, opening.outputs[0])


def _values(run: Callable[[Floats], dict[str, np.ndarray]], output: str) -> Run:
    def values(row: Floats) -> Floats:
        found: Floats = np.asarray(run(row)[output], np.float32).reshape(-1)
        return found

    return values
