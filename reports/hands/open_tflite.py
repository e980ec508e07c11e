"""Opens a `.tflite` in LiteRT, Google's runtime; torch is not needed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.architecture import examine
from blazepalm.converter.choose import choose
from blazepalm.converter.converted import Converted
from blazepalm.converter.evidence import Overrides, settle, summary
from blazepalm.converter.known import network_of, release_of
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidModel
from blazepalm.models.releases import generation_of
from blazepalm.reports.hands.open_model import (
    Notice,
    OpenModel,
    Source,
    of_family,
    shaped,
    source_of_model,
)


def open_tflite(
    model: Source,
    family: str,
    threads: int,
    notice: Notice,
    overrides: Overrides,
    callers: int = 1,
    in_turn: bool = False,
) -> OpenModel:
    """Opens a file, or the file that a converted model comes from; as `open_models.open_model`.
    With several `callers`, the images of a batch are run at the same time; if calls come
    `in_turn`, a single image gets the threads of all callers.
    """
    from blazepalm.reports.backends.litert import LiteRT, open_litert
    from blazepalm.reports.backends.litert_rewrite import without_custom_operators

    source, content = choose(source_of_model(model), family)
    graph = read_bytes(content, source)
    if isinstance(model, Converted) and graph.sha256 != model.graph.sha256:
        raise InvalidModel(f"{source}: is not the file that was converted")
    if isinstance(model, Converted):
        recognition = model.recognition
    else:
        recognition, _ = examine(graph)
    of_family(model, None if recognition is None else recognition.spec, family)
    assert recognition is not None
    release = release_of(graph)
    if not isinstance(model, Converted):
        recognition = settle(graph, recognition, overrides, notice)
        if release is None:
            notice(f"{source}: not a known release: {summary(recognition.spec)}")
    spec = recognition.spec
    generation = generation_of(spec.generation, family)
    content = without_custom_operators(content, source).content

    def opened(threads: int, copies: int) -> LiteRT:
        return open_litert(
            content, recognition.outputs, source=source, threads=threads, copies=copies
        )

    shares = in_turn and callers > 1  # the threads of all callers
    single = opened(max(threads, callers), 1) if shares else opened(threads, callers)
    several = opened(threads, callers) if shares and family == "hand" else single
    pool = ThreadPoolExecutor(callers, "blazepalm-hands")  # its threads begin when they are needed
    name = release.name if release else Path(source).stem

    def run(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if callers == 1 or len(images) == 1:
            return shaped(single.run(images), len(images), spec)
        found = list(pool.map(lambda image: shaped(several.run(image[None]), 1, spec), images))
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    return OpenModel(name, "tflite", spec, generation, run, graph.sha256, network_of(graph))
