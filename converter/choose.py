"""A bundle → the one model of a family in it, so that `hand_landmarker.task` may stand for a
detector, for a landmark model, or for both.

Which family a model is of, its structure says; where that says nothing, its release does.
"""

from collections.abc import Iterator
from pathlib import Path

from blazepalm.converter.architecture import examine
from blazepalm.converter.known import release_of
from blazepalm.converter.tflite.bundle import Contents, Model, open_contents
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidModel
from blazepalm.models.releases import resolve

WANTED = {"palm": "a palm detector", "hand": "a hand landmark model"}


def choose(file_or_release: str | Path, family: str) -> Model:
    """(source, bytes) of a file's only model, whatever it is; of a bundle's several, the one of
    that family. Raises UnknownRelease, or InvalidModel where a bundle has none or several.
    """
    contents = open_contents(resolve(str(file_or_release)))
    if len(contents.models) == 1 and not contents.failures:
        return contents.models[0]
    found = list(_of_family(contents, family))
    if len(found) > 1:
        sources = ", ".join(source for source, _ in found)
        raise InvalidModel(
            f"{file_or_release}: the bundle holds {len(found)} models that are "
            f"{WANTED[family]}, name one of them: {sources}"
        )
    if not found:
        for _, failure in contents.failures:
            raise failure
        raise InvalidModel(f"{file_or_release}: the bundle holds no model that is {WANTED[family]}")
    return found[0]


def is_bundle_with(file_or_release: str | Path, family: str) -> bool:
    """Whether it is a bundle of several models, one of that family among them. Raises
    UnknownRelease, or InvalidModel where the file cannot be read.
    """
    contents = open_contents(resolve(str(file_or_release)))
    return len(contents.models) > 1 and any(True for _ in _of_family(contents, family))


def family_of(graph: Graph) -> str | None:
    """`palm`, `hand`, or another family of the registry; None where nothing is known of it."""
    recognition, _ = examine(graph)
    if recognition is not None:
        return recognition.family
    release = release_of(graph)
    return None if release is None else release.family


def _of_family(contents: Contents, family: str) -> Iterator[Model]:
    for source, content in contents.models:
        try:
            if family_of(read_bytes(content, source)) == family:
                yield source, content
        except InvalidModel:  # said by whoever asks for that member
            continue
