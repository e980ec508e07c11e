"""What layers measured comes back as it was, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import msgpack, structs

from blazepalm.cache_file import CacheFile
from blazepalm.reports.layers.kept import KeptLayers
from blazepalm.reports.layers.measure import Costs, Far, Measured, Place

PLACES = [Place(0, 3, (1, 4, 4, 2), "stem", "stem__conv"), Place(2, 5, (1, 2), None, None)]
COSTS = [Costs(1e-7, 1e-3, 2e-7, 2e-3), Costs(5e-324, 1.0, 0.1, 1e300)]
DISTANCES = {"torch": [Far(0.1, 0.0), None], "coreml-mil": [Far(None, 1 / 3), Far(0.0, None)]}
MEASURED = Measured(PLACES, COSTS, DISTANCES, {})


@pytest.fixture
def kept(tmp_path: Path) -> KeptLayers:
    return KeptLayers(CacheFile(tmp_path / "a.sqlite", 1 << 20), "key", frozenset({(0, 3), (2, 5)}))


def test_every_digit_comes_back(kept: KeptLayers) -> None:
    assert kept.get() is None
    kept.put(MEASURED)
    assert kept.get() == MEASURED


def test_layers_that_could_not_be_read_are_read_again(kept: KeptLayers) -> None:
    kept.put(structs.replace(MEASURED, unread={"coreai-mil": "its process died"}))
    assert kept.get() is None


@pytest.mark.parametrize(
    "changed",
    [
        {"places": [PLACES[0], PLACES[1]._replace(tensor=4)]},  # no operator outputs it
        {"places": PLACES[:1]},
        {"costs": COSTS[:1]},
        {"costs": [COSTS[0], COSTS[1]._replace(local_single=0.0)]},
        {"costs": [COSTS[0], COSTS[1]._replace(local_half=float("nan"))]},
        {"distances": {"torch": [None]}},
        {"distances": {"torch": [None, (1.0,)]}},
        {"distances": {"torch": [None, ("0", 0.0)]}},
        {"unread": None},
    ],
)
def test_what_no_run_measures_is_not_taken(kept: KeptLayers, changed: dict[str, Any]) -> None:
    values = {**structs.asdict(MEASURED), **changed}
    kept.file.put("key", msgpack.encode(values))
    assert kept.get() is None


def test_a_piece_is_not_taken(kept: KeptLayers) -> None:
    whole = msgpack.encode(MEASURED)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        kept.file.put("key", whole[:size])
        assert kept.get() is None
