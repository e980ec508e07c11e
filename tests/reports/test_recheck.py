"""Stored numbers judged again: by the same limits the same, by others as arithmetic says."""

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from blazepalm.models.errors import ArtifactError, CouldNotVerify, InvalidInput
from blazepalm.reports.comparison import compare
from blazepalm.reports.metrics import DifferenceMeter
from blazepalm.reports.policy import LIMITS
from blazepalm.reports.recheck import judge_value, recheck, stored_limits
from blazepalm.reports.recheck_raw import RawCheck, recheck_raw
from blazepalm.reports.report import plain
from blazepalm.reports.rows import Row
from blazepalm.reports.schema import validate
from support import report_samples

Report = dict[str, Any]


@pytest.fixture(scope="module")
def passing() -> Report:
    return report_samples.passing()


@pytest.fixture(scope="module")
def failing() -> Report:
    return report_samples.failing()


@pytest.mark.parametrize(
    "sample", [report_samples.passing, report_samples.failing, report_samples.hostile]
)
def test_the_same_limits_give_the_same_report(sample: Any) -> None:
    report = sample()
    if sample is report_samples.hostile:
        report["exit_code"] = 2  # made to be drawn; the one failure has it
    found = recheck(report, stored_limits(report))
    assert found.changed == () and dict(found.report) == report


def test_tightened_a_hundredfold_it_fails(passing: Report) -> None:
    found = recheck(passing, replace(LIMITS, float32_multiple=LIMITS.float32_multiple / 100))
    assert not found.passed and found.passed_before and found.exit_code == 1
    validate(found.report, "parity", "the new report")
    expected = {
        index
        for index, row in enumerate(passing["rows"])
        if row["judge"] == "floor" and row["value"] > 0.1 * row["floor"]
    }
    rows = found.report["rows"]
    assert {i for i, row in enumerate(rows) if row["status"] == "fail"} == expected
    assert len(found.changed) == len(expected) > 50
    assert found.report["counts"]["fail"] == len(expected)
    assert not found.report["default_limits"] and found.report["limits"]["float32_multiple"] == 0.1
    model = found.report["models"][0]
    status = {backend["name"]: backend["status"] for backend in model["backends"]}
    assert not model["passed"]
    assert (status["torch"], status["coreml-mil-fp16"]) == ("fail", "pass")
    torch = next(b for b in model["backends"] if b["name"] == "torch")
    assert torch["first_divergence"] == "raw outputs" and torch["reasons"]
    row = rows[min(expected)]
    assert row["limit"] == pytest.approx(0.1 * row["floor"])
    assert "the limit is 0.1 ×" in row["reasons"][0]


def test_and_loosened_again_it_holds(passing: Report) -> None:
    tight = recheck(passing, replace(LIMITS, float32_multiple=0.1)).report
    again = recheck(tight, LIMITS)
    assert again.passed and not again.passed_before
    assert dict(again.report) == passing


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
    left = [row for row in found.report["rows"] if row["status"] == "fail"]
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


def test_reasons_beside_the_limit() -> None:
    tight, loose = replace(LIMITS, float32_multiple=2.0), replace(LIMITS, float32_multiple=50.0)
    assert judge_value(row(), tight).status == "fail"
    nan = row(status="fail", reasons=("1 values of torch are NaN or infinite",))
    assert judge_value(nan, loose).status == "fail", "for a reason that no limit heals"
    assert judge_value(nan, loose).reasons == nan.reasons
    assert len(judge_value(nan, tight).reasons) == 2
    beyond = row(value=20.0, status="fail", reasons=("20 from the oracle",))
    assert judge_value(beyond, loose).status == "pass"
    both = row(value=20.0, status="fail", reasons=(*nan.reasons, "20 from the oracle"))
    assert judge_value(both, loose).reasons == nan.reasons
    absent = row(value=None, status="fail", reasons=("nothing was compared",))
    assert judge_value(absent, loose) == replace(absent, limit=50.0)
    shared = row(value=None)  # the reference's own function on the reference's own input
    assert judge_value(shared, tight) == replace(shared, limit=2.0)
    for untouched in (
        row(judge="none", limit=None),
        row(judge="bits", limit=0.0, value=4.0, status="fail"),
        row(status="not_run"),
        row(judge="task", output="detections", metric="unmatched", limit=0.0, floor=None),
    ):
        assert judge_value(untouched, tight) is untouched
    assert judge_value(row(), LIMITS) == row()


def test_a_model_that_failed_beside_its_rows_stays_failed(passing: Report) -> None:
    report = copy.deepcopy(passing)
    report["models"][0]["passed"] = report["passed"] = False
    report["models"][1]["backends"][4]["status"] = "not_run"
    found = recheck(report, replace(LIMITS, float32_multiple=11.0))
    assert [m["passed"] for m in found.report["models"]] == [False, False, True, True]
    assert found.report["models"][1]["backends"][4]["status"] == "not_run"
    assert not found.passed


def test_an_empty_report_never_holds(passing: Report) -> None:
    report = {**passing, "models": [], "rows": [], "cases": []}
    found = recheck(report, LIMITS)
    assert not found.passed and found.exit_code == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"iou": 0.0}, "iou 0.0: a limit is a positive number"),
        ({"presence": float("nan")}, "a limit is a positive number"),
        ({"float32_multiple": float("inf")}, "a limit is a positive number"),
        ({"margin": 0.05}, "margin decides while numbers are measured"),
        ({"floor_multiple": 50.0}, "measured with 100; run parity again"),
    ],
)
def test_limits_that_cannot_be(passing: Report, given: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        recheck(passing, replace(LIMITS, **given))


CASES = ("open-right", "two-hands", "noise-0000")
PAIRS = (("tflite", "oracle"), ("torch", "oracle"), ("torch", "generic"))


def with_raw(passing: Report, folder: Path) -> Report:
    """A report of one landmark model, whose numbers come from the arrays in `folder`."""
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
            for name in ("tflite", "torch", "generic"):
                noise = random.normal(0, 1e-4, (1, 63)) if name != "generic" else 0
                arrays[f"{name}/Identity{hand}"] = (truth + noise).astype(np.float32)
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
            bits = sum(int((e != 0).sum()) for e in errors)
            values.append(float(bits) if r == "generic" else max(float(e.max()) for e in errors))
        (folder / "hand").mkdir(parents=True, exist_ok=True)
        save_file(arrays, folder / "hand" / f"{case}.safetensors")
        cases.append({**passing["cases"][0], "name": case, "values": values})
    found = [replace(r, difference=m.result()) for r, m in zip(rows, meters, strict=True)]
    return {
        **passing,
        "models": [{**passing["models"][3], "name": "hand"}],
        "rows": [plain(r) for r in found],
        "cases": cases,
        "cases_total": len(cases),
    }


def test_raw_outputs_say_what_is_stored(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    assert recheck_raw(report, tmp_path) == RawCheck(9, 3, (), ())


def test_another_number_or_another_output_is_found(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    report["cases"][1]["values"][1] *= 1.01
    report["rows"][0]["difference"]["mean_abs"] *= 1.01
    found = recheck_raw(report, tmp_path)
    assert not found.passed and len(found.mismatches) == 2
    assert "torch against oracle, case two-hands: 0.0" in found.mismatches[0]
    assert "tflite against oracle: mean_abs is" in found.mismatches[1]
    report = with_raw(passing, tmp_path)
    path = tmp_path / "hand" / "open-right.safetensors"
    save_file({"oracle/Identity#0": np.zeros((1, 63))}, path)
    found = recheck_raw(report, tmp_path)
    assert not found.passed
    assert any("open-right: –, and the report says" in m for m in found.mismatches)


def test_missing_files_are_named(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path)
    (tmp_path / "hand" / "open-right.safetensors").unlink()
    found = recheck_raw(report, tmp_path)
    assert (found.values, found.totals, found.mismatches) == (6, 0, ())
    assert found.missing == (str(tmp_path / "hand" / "open-right.safetensors"),)


def test_nothing_to_compare_is_no_pass(passing: Report, tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="holds no raw outputs of this report"):
        recheck_raw(passing, tmp_path)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\xff" * 16, b"\x02" + b"\0" * 7 + b"{}"])
def test_a_damaged_file(passing: Report, tmp_path: Path, content: bytes) -> None:
    report = with_raw(passing, tmp_path)
    (tmp_path / "hand" / "two-hands.safetensors").write_bytes(content)
    if content.endswith(b"{}"):  # sound, and empty
        assert not recheck_raw(report, tmp_path).passed
        return
    with pytest.raises(ArtifactError, match=r"two-hands\.safetensors: cannot be read"):
        recheck_raw(report, tmp_path)


def test_names_do_not_lead_out_of_the_folder(passing: Report, tmp_path: Path) -> None:
    report = with_raw(passing, tmp_path / "raw")
    outside = tmp_path / "outside.safetensors"
    (tmp_path / "raw" / "hand" / "open-right.safetensors").rename(outside)
    report["cases"][0]["name"] = "../../outside"
    found = recheck_raw(report, tmp_path / "raw")
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
