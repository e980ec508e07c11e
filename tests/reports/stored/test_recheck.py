"""Judging stored numbers again: the same limits reproduce the verdict, others follow arithmetic."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from safetensors.numpy import load_file, save_file

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidInput
from blazepalm.reports.compare.meters import DifferenceMeter
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.compare.tensors import compare
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report import plain
from blazepalm.reports.stored.recheck import Rechecked
from blazepalm.reports.stored.recheck import recheck as recheck_report
from blazepalm.reports.stored.recheck_raw import RawCheck, recheck_raw
from support import report_samples
from support.report_samples import typed

Report = dict[str, Any]


def recheck(report: Report, limits: Limits) -> Rechecked:
    return recheck_report(typed(report), limits)


@pytest.fixture(scope="module")
def passing() -> Report:
    return report_samples.passing()


@pytest.fixture(scope="module")
def failing() -> Report:
    return report_samples.failing()


@pytest.mark.parametrize("sample", [report_samples.passing, report_samples.failing])
def test_the_same_limits_give_the_same_report(sample: Any) -> None:
    report = sample()
    found = recheck(report, LIMITS)
    assert found.changed == found.altered == () and found.report.to_dict() == report


def test_a_hostile_report_is_judged_and_said_to_be_altered() -> None:
    """A report made for rendering: its models pass, but none of its rows do."""
    report = report_samples.hostile()
    found = recheck(report, LIMITS)
    assert found.altered and not found.passed and found.exit_code == 2, "a source was not read"
    assert not any(model["passed"] for model in found.report.to_dict()["models"])
    assert all(line.isprintable() for line in found.altered)


def test_tightened_a_hundredfold_it_fails(passing: Report) -> None:
    found = recheck(passing, replace(LIMITS, float32_multiple=LIMITS.float32_multiple / 100))
    assert not found.passed and found.passed_before and found.exit_code == 1
    typed(found.report.to_dict())
    expected = {
        index
        for index, row in enumerate(passing["rows"])
        if row["judge"] == "floor" and row["value"] > 0.1 * row["floor"]
    }
    rows = found.report.to_dict()["rows"]
    assert {i for i, row in enumerate(rows) if row["status"] == "fail"} == expected
    assert len(found.changed) == len(expected) > 50
    assert found.report.to_dict()["counts"]["fail"] == len(expected)
    assert not found.report.default_limits and found.report.limits.float32_multiple == 0.1
    model = found.report.to_dict()["models"][0]
    status = {backend["name"]: backend["status"] for backend in model["backends"]}
    assert not model["passed"]
    assert (status["torch"], status["coreml-mil-fp16"]) == ("fail", "pass")
    torch = next(b for b in model["backends"] if b["name"] == "torch")
    assert torch["first_divergence"] == "raw outputs" and torch["reasons"]
    row = rows[min(expected)]
    assert row["limit"] == pytest.approx(0.1 * row["floor"])
    assert "the limit is 0.1 ×" in row["reasons"][0]


def test_and_loosened_again_it_holds(passing: Report) -> None:
    tight = recheck(passing, replace(LIMITS, float32_multiple=0.1)).report.to_dict()
    again = recheck(tight, LIMITS)
    assert again.passed and not again.passed_before
    assert again.report.to_dict() == passing


def test_limits_of_the_task(passing: Report) -> None:
    for changed, name, metric in (
        (replace(LIMITS, iou=0.999), "boxes", "IoU"),
        (replace(LIMITS, landmarks_mean_px=0.001), "landmarks", "mean error"),
        (replace(LIMITS, landmarks_max_px=0.01), "landmarks", "largest error"),
        (replace(LIMITS, presence=1e-5), "presence", "difference"),
        (replace(LIMITS, handedness=1e-5), "handedness", "difference"),
    ):
        found = recheck(passing, changed)
        failed = [after for _, after in found.changed]
        assert failed and {(row.output, row.metric) for row in failed} == {(name, metric)}
        assert {row.backend for row in failed} == {"coreml-mil-fp16", "coreml-mil-app"}
        least = metric == "IoU"
        for row in failed:
            assert row.value is not None and row.limit is not None and row.status == "fail"
            assert row.value < row.limit if least else row.value > row.limit
            assert f"at {'least' if least else 'most'} {row.limit:g} passes" in row.reasons[-1]


def test_what_no_limit_heals_stays_failed(failing: Report) -> None:
    found = recheck(failing, replace(LIMITS, float32_multiple=1e9, landmarks_mean_px=1e3))
    left = [row for row in found.report.to_dict()["rows"] if row["status"] == "fail"]
    assert left and not any(row["judge"] == "floor" for row in left)
    assert any(row["judge"] == "bits" for row in left)
    assert found.exit_code == 2, "the source that could not be read is there still"


def row(**given: Any) -> Row:
    known: dict[str, Any] = {
        "model": "m", "stage": "raw outputs", "mode": "isolated", "output": "o", "field": "o",
        "backend": "torch", "reference": "oracle", "metric": "largest error", "judge": "floor",
        "unit": "", "inputs": 2, "value": 3.0, "limit": 10.0, "floor": 1.0, "multiple": 3.0,
        "worst_case": "c", "difference": None, "status": "pass", "reasons": (),
    }  # fmt: skip
    return Row(**{**known, **given})


def tampered(report: Report, index: int, **given: Any) -> Report:
    changed = copy.deepcopy(report)
    changed["rows"][index].update(given)
    return changed


def judged_by(report: Report, judge: str) -> int:
    return next(i for i, r in enumerate(report["rows"]) if r["judge"] == judge and r["value"])


@pytest.mark.parametrize("judge", ["floor", "task"])
def test_a_number_beyond_its_limit_fails_whatever_its_status_says(
    passing: Report, judge: str
) -> None:
    index = judged_by(passing, judge)
    stored = passing["rows"][index]
    least = stored["metric"] in ("IoU", "recall")
    value = stored["limit"] / 1000 if least else 1000 * stored["limit"]
    found = recheck(tampered(passing, index, value=value), LIMITS)
    assert not found.passed and found.exit_code == 1 and not found.report.to_dict()["passed"]
    assert any("status pass, but its numbers give fail" in line for line in found.altered)
    assert found.report.to_dict()["rows"][index]["status"] == "fail"
    assert found.report.to_dict()["models"][0]["passed"] is False


@pytest.mark.parametrize("times", [1000.0, 0.001])
@pytest.mark.parametrize("where", ["row", "case"])
def test_cases_and_totals_that_contradict_each_other(
    passing: Report, where: str, times: float
) -> None:
    """A row without a limit (LiteRT's own error) is judged by nothing else."""
    index = next(
        i for i, r in enumerate(passing["rows"]) if r["judge"] == "none" and r["difference"]
    )
    changed = copy.deepcopy(passing)
    row = changed["rows"][index]
    if where == "row":  # with all that is computed from it
        row["value"] *= times
        row["difference"]["max_abs"] *= times
    else:
        (case,) = (c for c in changed["cases"] if c["values"][index] == row["value"])
        case["values"][index] *= times
    found = recheck(changed, LIMITS)
    assert not found.passed and found.exit_code == 1
    assert any("but its cases give" in line for line in found.altered)
    assert recheck(passing, LIMITS).altered == ()


KINDS = sorted(
    {
        (row.judge, row.metric)
        for row in report_samples.typed(report_samples.passing()).rows
        if row.value
    }
)


@pytest.mark.parametrize("times", [1000.0, 1.01, 0.99, 0.001])
@pytest.mark.parametrize(("judge", "metric"), KINDS)
def test_every_kind_of_row_is_held_against_its_cases(
    passing: Report, judge: str, metric: str, times: float
) -> None:
    """Those of no limit, and those that an altered number leaves within it, too."""
    index, stored = next(
        (i, r)
        for i, r in enumerate(passing["rows"])
        if (r["judge"], r["metric"]) == (judge, metric) and r["value"]
    )
    changed = copy.deepcopy(passing)
    row = changed["rows"][index]
    row["value"] *= times
    if row["difference"]:
        row["difference"]["max_abs"] *= times
    if row["multiple"]:
        row["multiple"] *= times
    found = recheck(changed, LIMITS)
    assert not found.passed and found.exit_code == 1
    assert any(f"{metric}: {stored['backend']}: value" in line for line in found.altered)


def test_a_spread_that_was_taken_out(passing: Report) -> None:
    changed = copy.deepcopy(passing)
    first, *others = (row for row in changed["rows"] if row["metric"] == "IoU")
    first["spread"] = {"median": first["value"], "p99": first["value"], "sensitivity": None,
                       "measured": 0, "beyond": first["value"], "beyond_case": "fist"}  # fmt: skip
    found = "\n".join(recheck(changed, LIMITS).altered)
    assert found.count("IoU: torch: no median and p99, which the other rows have") == len(
        [row for row in others if row["backend"] == "torch"]
    )


def test_what_the_cases_do_not_decide_is_counted(passing: Report) -> None:
    changed = copy.deepcopy(passing)
    for index, row in enumerate(changed["rows"]):
        if row["metric"] == "recall" and row["model"].startswith("palm"):
            for case in changed["cases"]:
                case["values"][index] = None
    before, found = recheck(passing, LIMITS), recheck(changed, LIMITS)
    assert (before.unlisted, found.unlisted, found.altered) == (0, 2, ())
    assert found.bounded == before.bounded


def with_bits(report: Report, bits: list[int]) -> Report:
    """The report with another claim about its first model's torch."""
    changed = copy.deepcopy(report)
    (torch,) = (b for b in changed["models"][0]["backends"] if b["name"] == "torch")
    torch["litert_bits"] = bits
    return changed


def test_whoever_alters_a_status_or_a_verdict_is_found_out(failing: Report) -> None:
    index = next(i for i, r in enumerate(failing["rows"]) if r["status"] == "fail")
    model = next(m for m in failing["models"] if not m["passed"])
    for change, said in (
        (tampered(failing, index, status="pass", reasons=[]), "status pass, but its numbers"),
        (tampered(failing, index, limit=1e9), "limit 1e+09, but its numbers give"),
        (tampered(failing, index, value=1e-9), "value 1e-09, but its metrics give"),
        (tampered(failing, index, judge="task", status="pass"), "but its numbers give –"),
        ({**failing, "passed": True}, "the report: passed True, but its rows give False"),
        ({**failing, "exit_code": 0}, "the report: exit_code 0, but its rows give 2"),
        (
            {**failing, "models": [{**m, "passed": True} for m in failing["models"]]},
            f"{model['name']}: passed True, but its rows give False",
        ),
        (
            with_bits(failing, [24, 24]),
            "palm-lite-2021-11: torch: litert_bits [24, 24], but its rows give [2, 24]",
        ),
    ):
        found = recheck(change, LIMITS)
        assert found.altered and not found.passed and found.exit_code == 2
        assert said in "\n".join(found.altered)
    assert recheck(failing, LIMITS).altered == ()


def test_what_a_tensors_metrics_say_against_it_counts_though_no_reason_says_so(
    passing: Report,
) -> None:
    index = judged_by(passing, "floor")
    damaged = {**passing["rows"][index]["difference"], "nonfinite_candidate": 3}
    found = recheck(tampered(passing, index, difference=damaged), replace(LIMITS, iou=0.5))
    assert found.altered and found.report.to_dict()["rows"][index]["reasons"] == [
        "3 values of torch are NaN or infinite"
    ]


def test_an_empty_report_never_holds(passing: Report) -> None:
    report = {**passing, "models": [], "rows": [], "cases": []}
    found = recheck(report, LIMITS)
    assert not found.passed and found.exit_code == 1
    assert found.altered, "a report of nothing that says that it passed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"iou": 0.0}, "iou 0.0: a limit is a positive number"),
        ({"presence": float("nan")}, "a limit is a positive number"),
        ({"float32_multiple": float("inf")}, "a limit is a positive number"),
        ({"margin": 0.05}, "margin takes effect while numbers are measured"),
        ({"floor_multiple": 50.0}, "measured with 100; run parity again"),
    ],
)
def test_limits_that_cannot_be(passing: Report, given: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        recheck(passing, replace(LIMITS, **given))


CASES = ("open-right", "two-hands", "noise-0000")
PAIRS = (("tflite", "oracle"), ("torch", "oracle"), ("torch", "generic"))


def with_raw(passing: Report, folder: Path) -> Report:
    """A report of one landmark model with numbers computed from the arrays in `folder`."""
    random = np.random.Generator(np.random.PCG64(3))
    rows = [
        row(
            model="hand", output="Identity", field="landmarks", backend=b, reference=r,
            judge="bits" if r == "generic" else "floor", difference=None,
        )
        for b, r in PAIRS
    ]  # fmt: skip
    meters = [DifferenceMeter() for _ in PAIRS]
    cases = []
    for case in CASES:
        arrays: dict[str, np.ndarray] = {}
        hands = ("#0", "#1") if case == "two-hands" else ("#0",) if case[0] == "o" else ("",)
        values: list[float | None] = []
        for hand in hands:
            truth = random.normal(0, 50, (1, 63))
            arrays[f"oracle/Identity{hand}"] = truth
            for name in ("tflite", "torch"):
                noise = random.normal(0, 1e-4, (1, 63))
                arrays[f"{name}/Identity{hand}"] = (truth + noise).astype(np.float32)
            arrays[f"generic/Identity{hand}"] = arrays[f"torch/Identity{hand}"].copy()
        for index, (b, r) in enumerate(PAIRS):
            parts = [
                compare(arrays[f"{r}/Identity{hand}"], arrays[f"{b}/Identity{hand}"])
                for hand in hands
            ]
            for part in parts:
                meters[index].add(part, case)
            errors = [
                np.abs(arrays[f"{b}/Identity{h}"].astype(float) - arrays[f"{r}/Identity{h}"])
                for h in hands
            ]
            values.append(0.0 if r == "generic" else max(float(e.max()) for e in errors))
        (folder / "hand").mkdir(parents=True, exist_ok=True)
        save_file(arrays, folder / "hand" / f"{case}.safetensors")
        cases.append({**passing["cases"][0], "name": case, "values": values})
    results = [meter.result() for meter in meters]
    found = [
        replace(
            r,
            difference=d,
            inputs=d.inputs,
            value=0.0 if r.judge == "bits" else d.max_abs,
            limit=limit,
        )
        for r, d, limit in zip(rows, results, (10.0, 10.0, 0.0), strict=True)
    ]
    model = passing["models"][3]
    mine = [
        {**b, "litert_bits": None}  # no row compares torch with LiteRT
        for b in model["backends"]
        if b["name"] in ("oracle", "tflite", "torch", "generic")
    ]
    return {
        **passing,
        "counts": {"pass": 3, "fail": 0, "not_run": 0, "rows": 3},
        "tightest": None,
        "models": [{**model, "name": "hand", "backends": mine}],
        "rows": [plain(r) for r in found],
        "cases": cases,
        "cases_total": len(cases),
    }


def test_raw_outputs_say_what_is_stored(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    assert recheck_raw(typed(report), tmp_path) == RawCheck(9, 3, (), ())


def test_another_number_or_another_output_is_found(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    report["cases"][1]["values"][1] *= 1.01
    report["rows"][0]["difference"]["mean_abs"] *= 1.01
    found = recheck_raw(typed(report), tmp_path)
    assert not found.passed and len(found.mismatches) == 2
    assert "torch against oracle, case two-hands: computed 0.0" in found.mismatches[0]
    assert "tflite against oracle: mean_abs is" in found.mismatches[1]
    report = with_raw(passing, tmp_path)
    path = tmp_path / "hand" / "open-right.safetensors"
    save_file({"oracle/Identity#0": np.zeros((1, 63))}, path)
    found = recheck_raw(typed(report), tmp_path)
    assert not found.passed
    assert any("open-right: computed –, but the report says" in m for m in found.mismatches)


def test_missing_files_are_named(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    (tmp_path / "hand" / "open-right.safetensors").unlink()
    found = recheck_raw(typed(report), tmp_path)
    assert (found.values, found.totals, found.mismatches) == (6, 0, ())
    assert found.missing == (str(tmp_path / "hand" / "open-right.safetensors"),)


def test_nothing_to_compare_is_no_pass(passing: Report, tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="holds no raw outputs of this report"):
        recheck_raw(typed(passing), tmp_path)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\xff" * 16, b"\x02" + b"\0" * 7 + b"{}"])
def test_a_damaged_file(passing: Report, tmp_path: Path, content: bytes) -> None:
    report = with_raw(passing, tmp_path)
    (tmp_path / "hand" / "two-hands.safetensors").write_bytes(content)
    if content.endswith(b"{}"):  # sound, and empty
        assert not recheck_raw(typed(report), tmp_path).passed
        return
    with pytest.raises(ArtifactError, match=r"two-hands\.safetensors: cannot be read"):
        recheck_raw(typed(report), tmp_path)


def test_names_do_not_lead_out_of_the_folder(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path / "raw")
    outside = tmp_path / "outside.safetensors"
    (tmp_path / "raw" / "hand" / "open-right.safetensors").rename(outside)
    report["cases"][0]["name"] = "../../outside"
    found = recheck_raw(typed(report), tmp_path / "raw")
    assert found.values == 6 and len(found.missing) == 1


def test_torch_is_not_imported(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path / "raw")
    path = tmp_path / "parity.json"
    path.write_text(json.dumps(report))
    code = (
        "import sys; from blazepalm.cli.app import main; "
        f"code = main(['report', 'recheck', {str(path)!r}, '--raw', '--iou', '0.98', '--json']); "
        "heavy = {'torch', 'cv2', 'ai_edge_litert', 'coremltools'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["raw"]["values"] == 9


def test_a_backend_that_pictures_were_spared_is_not_missed(passing: Report, tmp_path: Path) -> None:
    """The generic module and LiteRT's reference kernels run on some pictures only; skipped ones
    leave no arrays and are not counted.
    """
    report = with_raw(passing, tmp_path)
    meter = DifferenceMeter()
    for case in report["cases"]:
        path = tmp_path / "hand" / f"{case['name']}.safetensors"
        arrays = load_file(path)
        spared = case["name"] != "two-hands"
        for name in [n for n in arrays if n.startswith("tflite/")]:
            if spared:
                del arrays[name]
            else:
                truth = arrays[name.replace("tflite", "oracle")]
                meter.add(compare(truth, arrays[name]), case["name"])
        if spared:
            case["values"][0] = None
        save_file(arrays, path)
    report["rows"][0]["difference"] = plain(meter.result())
    assert recheck_raw(typed(report), tmp_path) == RawCheck(7, 3, (), ())
    (tmp_path / "hand" / "two-hands.safetensors").unlink()
    report["rows"][0]["difference"]["inputs"] += 1
    missing = recheck_raw(typed(report), tmp_path).missing
    assert missing, "a missing file that was asked for is reported"
