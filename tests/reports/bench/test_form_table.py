"""`bench forms`: what the table says of measured seconds, and of a model that is none of hands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome

from blazepalm.reports.bench import form_table
from blazepalm.reports.bench.form_table import FormRow, FormTable, markdown
from blazepalm.reports.forms import fast, make, measure
from support.tiny import doubling


def test_ratios_are_of_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of 4, 2 and 8 s in LiteRT, of 2, 2 and 2 s in a form: 0.5, 1 and 0.25."""

    def in_turns(actions: Any, rounds: int, batch: int, threads: int) -> dict[str, list[float]]:
        for action in actions.values():
            action()
        return {n: [4.0, 2.0, 8.0] if n == "litert" else [2.0, 2.0, 2.0] for n in actions}

    monkeypatch.setattr(measure, "in_turns", in_turns)
    monkeypatch.setattr(fast, "FORMS", (make.CHANNELS_LAST,))
    table = form_table.bench_forms(["hand-lite"], [2], [1], 3)
    litert, plain, last = table.rows
    assert (litert.form, plain.form, last.form) == ("litert", "plain", "channels-last")
    assert (litert.seconds, litert.ratio, litert.floors) == (2.0, 1.0, None)
    assert (last.seconds, last.ratio, last.low, last.high) == (1.0, 0.5, 0.375, 0.75)
    assert last.floors is not None and 0 < last.floors < 10 and plain.floors is not None
    assert plain.floors <= 1.0, "the plain module's own error is the floor"


def test_markdown_and_json(
    blazepalm: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = FormRow("palm-full", 2, 32, "frozen", 0.0123, 0.91, 0.85, 0.97, 1.5)
    made = FormTable((row,), ("openvino: is not installed",))
    monkeypatch.setattr(form_table, "bench_forms", lambda *arguments: made)
    assert markdown(made).splitlines()[2] == (
        "| palm-full | 2 | 32 | frozen | 12.3 | 0.91 (0.85–0.97) | 1.50 |"
    )
    done = blazepalm("bench", "forms", "palm-full", "--markdown")
    assert done.code == 0 and done.out.strip() == markdown(made)
    assert "openvino: is not installed" in done.err
    assert blazepalm("bench", "forms", "palm-full", "--json").json["forms"][0]["ratio"] == 0.91
    assert "0.85–0.97" in blazepalm("bench", "forms", "palm-full").out


def test_a_model_of_no_hands_is_refused(blazepalm: Callable[..., Outcome], tmp_path: Path) -> None:
    path = tmp_path / "doubling.tflite"
    path.write_bytes(doubling())
    for threads in (["1"], ["1", "2"]):
        chosen = [word for count in threads for word in ("--threads", count)]
        done = blazepalm("bench", "forms", path, *chosen)
        assert done.code != 0 and "is no palm detector and no landmark model" in done.err
        assert "Traceback" not in done.err
