"""The time of each stage: counted while it is asked for, and nothing left behind."""

import pytest
from rich.console import Console

from blazepalm.models import hand_pipeline
from blazepalm.models.regions import Region
from blazepalm.reports.bench.stages import REST, STAGES, medians, table, timed_stages

REGION = Region(0.5, 0.5, 0.2, 0.2, 0.0)


def test_each_call_is_counted_while_the_block_is_open() -> None:
    plain = hand_pipeline.distinct
    with timed_stages() as spent:
        assert hand_pipeline.distinct([REGION, REGION]) == [1], "the later of two at one place"
        once = spent["regions"]
        assert once > 0
        hand_pipeline.distinct([REGION])
        assert spent["regions"] > once and spent.keys() == {"regions"}
    assert hand_pipeline.distinct is plain
    with pytest.raises(KeyboardInterrupt), timed_stages():
        raise KeyboardInterrupt
    assert hand_pipeline.distinct is plain


def test_every_stage_is_a_function_of_the_pipeline() -> None:
    assert all(
        callable(getattr(hand_pipeline, name)) for names in STAGES.values() for name in names
    )


def test_medians_and_the_rest() -> None:
    frames = [{"crops": 3e-4, "palms": 1e-4}, {"crops": 5e-4}, {"crops": 4e-4, "palms": 2e-4}]
    found = medians(frames, [8e-4, 7e-4, 9e-4])
    assert found["crops"] == 4e-4 and found["palms"] == 1e-4 and found["range"] == 0.0
    assert found[REST] == pytest.approx(3e-4)
    console = Console(width=80)
    with console.capture() as shown:
        console.print(table([("1 video", found)]))
    assert shown.get().splitlines()[-2].split() == [
        *("1", "video", "0.00", "0.10", "0.00", "0.40", "0.00", "0.00", "0.30")
    ]
