"""The terminal's lines below the tables: reasons, culprits, caught faults."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.report_parts import (
    Culprit,
    FaultOutcome,
    Layer,
    LayerError,
    Layers,
    SelfTestResult,
)
from blazepalm.reports.render.terminal import print_report
from support.tiny import chosen_subject, off_by, report_of

BAD = report_of(chosen_subject(torch=off_by(1.0)))
SELF_TEST = SelfTestResult(
    passed=False,
    planted=3,
    caught=2,
    located=2,
    false_alarms=1,
    alarms=("palm, seed 3: it failed",),
    seeds=5,
    faults=(
        FaultOutcome("palm", "bias zeroed", True, True, "stem", "stem", ""),
        FaultOutcome("palm", "kernel\x1b[2J", False, False, "stem", "nothing", ""),
    ),
)


def shown(report: ParityReport, width: int = 200) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=width))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_a_failure_says_where_and_why(width: int) -> None:
    text = shown(BAD, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    assert "tiny torch: first diverges at raw outputs" in words
    assert "from the oracle, which is" in words and "the limit is 10 ×" in words
    assert "parity fails" in words and "3 of 3 comparisons" in words


def test_what_was_not_run_is_said() -> None:
    words = " ".join(shown(report_of(chosen_subject(), inputs=0)).split())
    assert "torch: not run, no image gave it anything to judge" in words
    assert "parity could not be verified" in words and "0 of 1 comparison" in words


def layers(culprit: Culprit | None) -> Layers:
    names = ("backbone.stem.conv", "backbone__stem__conv")
    errors = {"torch": LayerError(1.5, 0.25, "pass")}
    row = Layer(17, "CONV_2D", "conv/Relu", (1, 2, 2, 3), *names, errors)
    return Layers("fist", "tflite", (row,), {"torch": culprit})


def test_the_culprit_is_named_in_all_three_vocabularies() -> None:
    culprit = Culprit(17, "CONV_2D", "conv/Relu", "backbone.stem.conv", "backbone__stem__conv", 512)
    model = replace(BAD.models[0], layers=layers(culprit))
    text = shown(replace(BAD, models=(model,)))
    line = next(line for line in text.splitlines() if "layers, torch" in line)
    for name in ("17", "CONV_2D", "conv/Relu", "backbone.stem.conv", "backbone__stem__conv", "512"):
        assert name in line


def test_layers_that_could_not_be_read_are_said() -> None:
    subject = chosen_subject()
    why = "Core AI on tiny: its process was killed by SIGABRT"
    unread = replace(layers(None), unread={"coreai-mil": why})
    text = shown(report_of(subject, layers={subject.name: unread}))
    said = f"the layers of coreai-mil could not be read: {why}"
    assert said in " ".join(text.split())


def test_layers_without_a_culprit_are_counted() -> None:
    model = replace(BAD.models[0], layers=layers(None))
    lines = shown(replace(BAD, models=(model,)), 80).splitlines()
    heading = next(i for i, line in enumerate(lines) if line.startswith("layers, given"))
    assert lines[heading].split()[-5:] == ["compared", "torch", "Core", "ML", "fp16"]
    assert lines[heading + 1].split() == ["tiny", "1", "of", "1", "0.2", "×", "–", "–"]
    assert not any("layers, torch" in line for line in lines)


def test_the_self_test_lists_what_it_missed() -> None:
    text = shown(replace(BAD, self_test=SELF_TEST))
    assert "2 of 3 planted faults caught, 2 located, 1 false alarm over 5 seeds" in text
    assert "palm, kernel\\x1b[2J: at stem, found nothing" in text and "\x1b" not in text
    assert "bias zeroed" not in text and "palm, seed 3: it failed" in text
