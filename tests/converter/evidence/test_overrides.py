"""What the user states, as the command line writes it."""

import pytest

from blazepalm.converter.evidence import Overrides
from blazepalm.errors import InvalidInput, UnknownRelease


def test_statements_serve_models_of_their_own_family() -> None:
    found = Overrides.from_text(
        ["landmarks=Identity_2,presence=1", "boxes = 0"], ["palm-2020-11"], ["palm=-1,1", "0,255"]
    )
    assert found.outputs_of("hand") == {"landmarks": "Identity_2", "presence": "1"}
    assert found.outputs_of("palm") == {"boxes": "0"}
    generation = found.generation_of("palm")
    assert generation is not None and generation.name == "palm-2020-11"
    assert found.generation_of("hand") is None
    assert found.value_range_of("palm") == (-1.0, 1.0)
    assert found.value_range_of("hand") == (0.0, 255.0)


@pytest.mark.parametrize(
    ("outputs", "generations", "ranges", "message"),
    [
        (["landmark=1"], [], [], "unknown output 'landmark'"),
        (["landmarks"], [], [], "expected ROLE=NAME"),
        (["landmarks=1", "landmarks=2"], [], [], "outputs of landmarks is given twice"),
        ([], ["hand-2020-11", "hand-2020-05"], [], "two generations for hand models"),
        ([], [], ["0,1", "-1,1"], "value range is given twice"),
        ([], [], ["1,0"], "the first must be the smaller"),
        ([], [], ["nan,1"], "the first must be the smaller"),
        ([], [], ["0..1"], "expected LOW,HIGH"),
        ([], [], ["foot=0,1"], "unknown family 'foot'"),
    ],
)
def test_bad_statements(
    outputs: list[str], generations: list[str], ranges: list[str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Overrides.from_text(outputs, generations, ranges)


def test_an_unknown_generation() -> None:
    with pytest.raises(UnknownRelease, match="unknown generation 'hand-1999'"):
        Overrides(generations=("hand-1999",))


def test_a_statement_that_fits_no_model() -> None:
    with pytest.raises(InvalidInput, match="output boxes: no hand model has it"):
        Overrides({"boxes": "0"}).check_used(["hand"])
    with pytest.raises(UnknownRelease, match="unknown palm generation 'hand-2020-11'"):
        Overrides(generations=("hand-2020-11",)).check_used(["palm"])
    with pytest.raises(InvalidInput, match="value range of palm models"):
        Overrides(value_ranges={"palm": (0.0, 1.0)}).check_used(["hand", None])
