"""The report as data and on the terminal, from numbers chosen by hand."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from blazepalm.reports.inputs import seeded_inputs
from blazepalm.reports.measure import measure
from blazepalm.reports.report import Failure, ModelParity, ParityReport, plain
from blazepalm.reports.terminal import print_report
from blazepalm.reports.verdict import PAIRS, judge_bitwise, judge_floor
from tests.reports.backends_by_hand import Outputs, backends, off_by

OUTPUTS = ("boxes", "scores")


def model(
    name: str = "palm-full-2023-09", **replaced: Callable[[np.ndarray], Outputs]
) -> ModelParity:
    images = seeded_inputs((1, 4, 4, 3), (0.0, 1.0), 3, seed=0)
    measured = measure(backends(**replaced), PAIRS, OUTPUTS, images)
    return ModelParity(
        source="[bold]palm.tflite",
        name=name,
        release=name,
        family="palm",
        sha256="1b14e942" + "0" * 56,
        size=2339846,
        input_shape=(1, 192, 192, 3),
        value_range=(-1.0, 1.0),
        value_range_from="registry",
        inputs=measured.inputs,
        inputs_sha256=measured.inputs_sha256,
        notes=("LiteRT ran a copy of the model",),
        fields=("boxes", "scores"),
        rows=tuple(judge_floor(measured, o) for o in OUTPUTS),
        bitwise=tuple(judge_bitwise(measured, o, recognised=True) for o in OUTPUTS),
        seconds=measured.seconds,
    )


def report(*models: ModelParity, failures: tuple[Failure, ...] = ()) -> ParityReport:
    return ParityReport(models, failures, 3, 0, {"torch": "2"}, {"system": "x"}, seconds=1.0)


def shown(found: ParityReport, width: int) -> str:
    stream = io.StringIO()
    print_report(found, Console(file=stream, width=width))
    return stream.getvalue()


GOOD, BAD = model(), model("palm-lite-2021-11", torch=off_by(1.0))
INVALID, UNVERIFIED = Failure("a.txt", "a.txt is no model", 2), Failure("b", "no LiteRT", 3)


@pytest.mark.parametrize(
    ("models", "failures", "exit_code"),
    [
        ((GOOD,), (), 0),
        ((GOOD, BAD), (), 1),
        ((), (), 1),
        ((GOOD,), (INVALID,), 2),
        ((BAD,), (INVALID,), 2),
        ((GOOD,), (INVALID, UNVERIFIED), 3),
    ],
)
def test_exit_code_is_the_worst(
    models: tuple[ModelParity, ...], failures: tuple[Failure, ...], exit_code: int
) -> None:
    found = report(*models, failures=failures)
    assert found.exit_code == exit_code
    assert bool(found) is found.passed is (exit_code == 0)
    assert found.to_dict()["passed"] is (exit_code == 0)


def test_a_model_without_rows_fails() -> None:
    assert GOOD.passed
    assert not replace(GOOD, rows=(), bitwise=()).passed


def test_bitwise_inequality_alone_fails_a_model() -> None:
    found = model(torch=off_by(2**-15))
    assert all(row.passed for row in found.rows)
    assert not found.passed


def test_coverage_counts_what_was_judged() -> None:
    assert GOOD.coverage == (4, 4)
    unrun = tuple(replace(row, status="not_run") for row in GOOD.bitwise)
    assert replace(GOOD, bitwise=unrun).coverage == (2, 4)
    assert replace(GOOD, bitwise=unrun).passed


def test_json_is_json_whatever_the_numbers() -> None:
    def broken(images: np.ndarray) -> Outputs:
        return {"boxes": np.full((1, 2, 3), np.nan, np.float32), "scores": np.zeros((1, 2, 1))}

    text = json.dumps(report(GOOD, model(torch=broken)).to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["format"] == "blazepalm-parity" and back["version"] == 1
    row = back["models"][1]["rows"][0]
    assert row["status"] == "fail" and row["needed"] is None and row["reasons"]
    assert back["models"][0]["rows"][0]["floor"]["tflite_ref"] == 2**-13


def test_what_is_not_finite_becomes_null() -> None:
    assert plain({"a": (1.5, float("inf"), float("nan"))}) == {"a": [1.5, None, None]}


def test_only_the_timing_may_differ() -> None:
    one, two = (report(model()).to_dict() for _ in range(2))
    assert (
        one.pop("timing")["models"][0]["seconds"].keys()
        == two.pop("timing")["models"][0]["seconds"].keys()
    )
    assert one == two


@pytest.mark.parametrize("width", [80, 160])
def test_every_line_fits_the_terminal(width: int) -> None:
    found = report(GOOD, BAD, model("hand-sparse-2021-02"), failures=(INVALID,))
    lines = shown(found, width).splitlines()
    assert max(len(line) for line in lines) <= width
    table = [line for line in lines if line.strip().startswith(("boxes", "scores"))]
    assert len(table) == 6
    assert sum("pass" in line for line in table) == 5 and sum("fail" in line for line in table) == 1


def test_the_table_holds_the_figures() -> None:
    line = next(line for line in shown(report(GOOD), 80).splitlines() if "boxes" in line)
    assert line.split()[-5:] == ["1.2e-04", "0.0e+00", "6.1e-05", "0.50", "pass"]
    wide = next(line for line in shown(report(GOOD), 160).splitlines() if "boxes" in line)
    assert "1×2×3" in wide and wide.split()[-2:] == ["equal", "pass"]


def test_failures_say_why_and_the_summary_says_how_many() -> None:
    text = shown(report(GOOD, BAD, failures=(INVALID,)), 160)
    assert "palm-lite-2021-11 boxes: 1 from the oracle" in text
    assert "error: a.txt is no model" in text
    assert "parity fails: 2 models, 4 outputs, 3 inputs each" in text
    assert "1 model failed, 1 source without a verdict" in " ".join(text.split())


def test_a_clean_report_ends_with_the_claim() -> None:
    text = " ".join(shown(report(GOOD), 160).split())
    assert "parity holds: 1 model, 2 outputs" in text
    assert "at most 0.50 × the floor, 2 of 2 bitwise equal" in text


def test_nothing_compared_is_said() -> None:
    assert "nothing was compared" in " ".join(shown(report(), 80).split())


def test_names_out_of_a_file_cannot_command_the_terminal() -> None:
    sly = replace(
        GOOD, name="\x1b[2Jpalm", fields=("bo\x07xes", "[red]scores"), notes=("\x1b[31m",)
    )
    text = shown(report(sly, failures=(Failure("\x9b", "\x1b]0;x\x07", 2),)), 160)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "[red]scores" in text
