"""Roles by names; which names mean what is typed by hand, from files that exporters write."""

import pytest

from blazepalm.converter.architecture import recognise
from blazepalm.converter.evidence.names import Guess, roles_by_names
from blazepalm.converter.evidence.roles import are_possible
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.models.releases import resolve
from support.models import HANDS, shared_model
from support.reexports import reexported

L, P, H, W = "landmarks", "presence", "handedness", "world_landmarks"


def guesses(content: bytes) -> list[Guess]:
    graph = read_bytes(content, "file.tflite")
    recognition = recognise(graph)
    assert recognition is not None
    found = roles_by_names(graph, recognition)
    return [guess for guess in found if are_possible(guess, recognition)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Identity", "Identity_1", "Identity_2", "Identity_3"), None),
        (("PartitionedCall:0", "output_0", "795", "serving_default_x:0"), None),
        (("xyz_x21", "hand_score", "lefthand_0_or_righthand_1", "world_xyz"), (L, P, H, W)),
        (("landmarks", "scores", "lr", "landmarks_world"), (L, P, H, W)),
        (("ld_21_3d", "output_handflag", "output_handedness", "convworld_ld"), (L, P, H, W)),
        (("landmark/a", "landmark/presence", "landmark/handedness", "landmark/b"),
         (None, P, H, None)),
        (("landmarks", "landmarks:1", "presence", "presence:1"), None),
    ],
)  # fmt: skip
def test_output_names(names: tuple[str, ...], expected: Guess | None) -> None:
    content = reexported(resolve("hand-lite").read_bytes(), names=dict(enumerate(names)))
    assert guesses(content) == ([] if expected is None else [expected])


def test_the_signature_comes_first() -> None:
    content = reexported(resolve("hand-lite").read_bytes(), None, {0: "presence"}, (L, P, H, W))
    assert guesses(content)[0] == (L, P, H, W)


@pytest.mark.parametrize("release", HANDS)
def test_no_release_is_misread(release: str) -> None:
    """The names in released files never contradict the outputs' known roles. (The metadata of
    2022's list the outputs in another order than the graph: handedness first, which has the
    landmarks' shape.)
    """
    for guess in guesses(shared_model(release).read_bytes()):
        assert all(role in (None, known) for role, known in zip(guess, (L, P, H, W), strict=False))
