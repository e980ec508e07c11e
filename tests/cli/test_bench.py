"""`blazepalm bench` and `blazepalm ios` as a user types them."""

from pathlib import Path

import pytest

from blazepalm.reports.bench import commands as reports_bench
from blazepalm.reports.bench.commands import Limit, Result, Run
from blazepalm.reports.bench.findings import Findings
from support.cli import Cli
from support.device_results import CASES, UNITS, write


def fits(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text) and all(
        len(line) <= 80 for line in text.splitlines()
    )


@pytest.mark.parametrize(("ratio", "code"), [(0.4, 0), (0.6, 1)])
def test_run(blazepalm: Cli, monkeypatch: pytest.MonkeyPatch, ratio: float, code: int) -> None:
    def measured(rounds: int) -> tuple[Run, list[Result]]:
        assert rounds == 2
        return Run(2.0, 1 << 20, 2.0), [Result("x", 1.0, 1 << 20, ratio, 1.0, Limit(time=0.5))]

    monkeypatch.setattr(reports_bench, "bench", measured)
    result = blazepalm("bench", "run", "commands", "--rounds", "2", "--json")
    assert result.code == code
    assert result.json["commands"][0]["passed"] is (code == 0) and result.json["rounds"] == 2
    result = blazepalm("bench", "run", "commands", "--rounds", "2")
    assert result.code == code and f"{ratio:.2f}" in result.out


def test_all_run_where_none_is_named(blazepalm: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("commands", "executor", "pipeline", "detect", "parity")
    for name in names:
        found = Findings({name: []}, f"figures of {name}", passed=name != "pipeline")
        monkeypatch.setattr(
            f"blazepalm.reports.bench.{name}.run", lambda rounds, found=found: found
        )
    result = blazepalm("bench", "run")
    assert result.code == 1
    assert result.out == "".join(f"figures of {name}\n" for name in names)
    result = blazepalm("bench", "run", "parity", "commands", "--json")
    assert result.code == 0 and list(result.json) == ["commands", "parity"]


def test_run_bad_usage(blazepalm: Cli) -> None:
    assert blazepalm("bench", "run", "speed").code == 2
    assert blazepalm("bench", "run", "commands", "--rounds", "0").code == 2


def test_bench_ingest(blazepalm: Cli, tmp_path: Path) -> None:
    written = write(tmp_path)
    result = blazepalm("bench", "ingest", written.path, "--fixtures", written.fixtures)
    assert result.code == 0 and result.err == "" and fits(result.out)
    assert "iPhone15,2, iOS 18.6 (22G86)" in result.out and "not a benchmark" not in result.out
    assert result.out.count("NeuralEngine") >= 2 and "1.3" in result.out
    as_json = blazepalm("bench", "ingest", tmp_path, "--fixtures", written.fixtures, "--json")
    assert as_json.code == 0 and len(as_json.json["device"]["bench"]) == 4
    assert as_json.json["problems"] == []


def test_without_fixtures_it_says_so(blazepalm: Cli, tmp_path: Path) -> None:
    result = blazepalm("bench", "ingest", write(tmp_path).path)
    assert result.code == 0 and "warning: hashes were not compared" in result.err


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("simulator", 0, "not a benchmark: a simulator"),
        ("Debug", 0, "not a benchmark: built for Debug"),
        ("hot at the end", 0, "the device was hot (serious)"),
        ("wrong percentile", 1, "problem: palm-full-2023-09 on cpuOnly: p50_ms is 0.4"),
    ],
)
def test_marks(blazepalm: Cli, tmp_path: Path, fault: str, code: int, said: str) -> None:
    written = write(tmp_path, fault)
    for command in ("bench", "ios"):
        result = blazepalm(command, "ingest", written.path, "--fixtures", written.fixtures)
        assert result.code == code and said in " ".join(result.out.split())


@pytest.mark.parametrize("command", ["bench", "ios"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unknown schema", "unknown schema blazepalm-ios-results/2"),
        ("other model", "has SHA-256 111111111111"),
        ("climbs out", "outside the results' folder"),
    ],
)
def test_refused(blazepalm: Cli, tmp_path: Path, command: str, fault: str, said: str) -> None:
    written = write(tmp_path, fault)
    result = blazepalm(command, "ingest", written.path, "--fixtures", written.fixtures)
    assert result.code == 2 and result.out == "" and said in result.err
    assert "Traceback" not in result.err


def test_ios_ingest(blazepalm: Cli, tmp_path: Path) -> None:
    written = write(tmp_path)
    result = blazepalm("ios", "ingest", tmp_path, "--fixtures", written.fixtures)
    assert result.code == 0 and fits(result.out)
    assert "device:iPhone15,2:cpuOnly" in result.out.replace("\n", "")
    as_json = blazepalm("ios", "ingest", tmp_path, "--fixtures", written.fixtures, "--json").json
    assert len(as_json["outputs"]) == len(CASES) * len(UNITS) * 4
    assert as_json["checked_against_fixtures"] is True and len(as_json["pipeline"]) == 6


def test_values_that_are_not_finite(blazepalm: Cli, tmp_path: Path) -> None:
    result = blazepalm("ios", "ingest", write(tmp_path, "NaN").path)
    assert result.code == 1
    assert "1 of 32 values are not finite" in " ".join(result.out.split())


def test_partial(blazepalm: Cli, tmp_path: Path) -> None:
    written = write(tmp_path, "partial")
    result = blazepalm("ios", "ingest", written.path, "--fixtures", written.fixtures)
    assert result.code == 0 and "device, partial" in result.out
    result = blazepalm("bench", "ingest", written.path, "--fixtures", written.fixtures)
    assert result.code == 3 and "holds no benchmark" in result.err


def test_failures_of_the_harness(blazepalm: Cli, tmp_path: Path) -> None:
    written = write(tmp_path)
    written.values["failures"].append(
        {"stage": "load", "model": "x\x1b[2J", "units": "all", "message": "cannot be loaded"}
    )
    written.save()
    result = blazepalm("ios", "ingest", written.path)
    assert result.code == 1 and fits(result.out)
    assert "failed: load, x\\x1b[2J, all: cannot be loaded" in " ".join(result.out.split())


def test_nothing_measured_is_no_result(blazepalm: Cli, tmp_path: Path) -> None:
    written = write(tmp_path)
    written.values["parity"] = written.values["bench"] = []
    written.save()
    result = blazepalm("ios", "ingest", written.path)
    assert result.code == 3 and "nothing was measured" in result.err
