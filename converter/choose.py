"""A bundle → its one model of a given family, so that `hand_landmarker.task` can be given as a
detector, as a landmark model, or as both.

The structure decides a model's family; if it is inconclusive, the release does.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from blazepalm.converter.architecture import examine
from blazepalm.converter.gesture_structure import recognise_gestures
from blazepalm.converter.known import release_of
from blazepalm.converter.tflite.bundle import Contents, Model, open_contents
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.errors import InvalidModel
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER
from blazepalm.models.release_registry import Bundle, load_registry
from blazepalm.models.releases import by_name, resolve

WANTED = {
    "palm": "a palm detector",
    "hand": "a hand landmark model",
    EMBEDDER: "a gesture embedder",
    CLASSIFIER: "a gesture classifier",
}


def choose(file_or_release: str | Path, family: str) -> Model:
    """(source, bytes) of a file's only model, of any family, or of a bundle's one model of
    `family`. A bundle that was not fetched stands for its members that are on this machine. Raises
    UnknownRelease, or InvalidModel if a bundle has none or several.
    """
    if member := _local_member(str(file_or_release), family):
        return choose(member, family)
    contents = open_contents(resolve(str(file_or_release)))
    if len(contents.models) == 1 and not contents.failures:
        return contents.models[0]
    found = list(_of_family(contents, family))
    if len(found) > 1:
        sources = ", ".join(source for source, _ in found)
        raise InvalidModel(
            f"{file_or_release}: the bundle holds {len(found)} models that are "
            f"{WANTED[family]}; name one of them: {sources}"
        )
    if not found:
        for _, failure in contents.failures:
            raise failure
        raise InvalidModel(f"{file_or_release}: the bundle does not hold {WANTED[family]}")
    return found[0]


def choose_by_sha256(file_or_release: str | Path, sha256: str) -> Model:
    """(source, bytes) of the file, or of the bundle's member, with that SHA-256 (hex). Raises
    UnknownRelease, or InvalidModel if there is none.
    """
    found = with_sha256(open_contents(resolve(str(file_or_release))).models, sha256)
    if found is None:
        raise InvalidModel(f"{file_or_release}: is not the file with SHA-256 {sha256[:16]}…")
    return found


def with_sha256(models: Iterable[Model], sha256: str) -> Model | None:
    """The first whose bytes have that SHA-256 (hex); None if there is none."""
    return next((m for m in models if hashlib.sha256(m[1]).hexdigest() == sha256), None)


def is_bundle_with(file_or_release: str | Path, family: str) -> bool:
    """Whether this is a bundle of several models, at least one of them of `family`. Raises
    UnknownRelease, or InvalidModel if the file cannot be read.
    """
    if _local_member(str(file_or_release), family):
        return True
    contents = open_contents(resolve(str(file_or_release)))
    return len(contents.models) > 1 and any(True for _ in _of_family(contents, family))


def family_of(graph: Graph) -> str | None:
    """`palm`, `hand`, `gesture-embedder`, `gesture-classifier`, or another family of the registry;
    None if unknown.
    """
    recognition = examine(graph)[0] or recognise_gestures(graph)[0]
    if recognition is not None:
        return recognition.family
    release = release_of(graph)
    return None if release is None else release.family


def _local_member(name: str, family: str) -> str | None:
    """The release of `family` that a bundle of the registry holds, if only the bundle itself is not
    on this machine.
    """
    if name not in load_registry().names or Path(name).exists():
        return None
    asset = by_name(name)
    if not isinstance(asset, Bundle) or asset.location() is not None:
        return None
    releases = (by_name(release) for _, release in asset.members)
    found = (r for r in releases if r.family == family and r.location() is not None)
    return next((release.name for release in found), None)


def _of_family(contents: Contents, family: str) -> Iterator[Model]:
    for source, content in contents.models:
        try:
            if family_of(read_bytes(content, source)) == family:
                yield source, content
        except InvalidModel:  # whoever asks for that member reports it
            continue
