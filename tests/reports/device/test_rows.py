"""Outputs of a device against the harness's small fixtures: what passes, and what fails for
which reason. Errors are planted by arithmetic; limits are those of `reports.judge.policy`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.errors import ArtifactError
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, NOT_RUN, PASS, Row
from blazepalm.reports.device.ingest import DeviceResults, ingest
from blazepalm.reports.device.rows import device_rows
from blazepalm.reports.fixtures.manifest import read_fixtures

FIXTURES = Path(__file__).parents[3] / "ios_harness" / "Tests" / "Fixtures"
UNITS = ("cpuOnly", "all")
SIDE = 40  # pixels of the landmark model's input

Change = Callable[[str, str, np.ndarray], np.ndarray | None]  # model, output, values → values


def brought(
    folder: Path, change: Change = lambda model, output, values: values, units: Any = UNITS
) -> tuple[DeviceResults, Path]:
    """A device's results: the recorded outputs, changed on the last of `units`; an output
    that becomes None did not come."""
    manifest = json.loads((FIXTURES / "manifest.json").read_text())
    parity, out = [], folder / "out"
    for record in manifest["records"]:
        for unit in units:
            for name, tensor in record["outputs"].items():
                values: Any = np.fromfile(FIXTURES / tensor["file"], "<f4").reshape(tensor["shape"])
                if unit == units[-1]:
                    values = change(record["model"], name, values)
                if values is None:
                    continue
                path = f"raw/{record['model']}/{record['name']}__{unit}__{name}.bin"
                (out / path).parent.mkdir(parents=True, exist_ok=True)
                (out / path).write_bytes(np.ascontiguousarray(values, "<f4").tobytes())
                parity.append(
                    {
                        "model": record["model"], "case": record["name"], "units": unit,
                        "tensor": name, "n": values.size, "max_abs": 0.0, "nan_count": 0,
                        "raw_file": path,
                    }
                )  # fmt: skip
    pipeline = []
    for case in manifest["cases"]:
        for unit in units:
            for name in ("landmarks", "presence"):
                target = out / "raw" / "pipeline" / f"{case['name']}__{unit}__{name}.bin"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(FIXTURES / case[name]["file"], target)
            pipeline.append(
                {
                    "case": case["name"], "units": unit, "expected": 1, "found": 1,
                    "box_iou_min": 1.0, "landmark_error_max": 0.0,
                }
            )  # fmt: skip
    values = {
        "schema": "blazepalm-ios-results/1",
        "run": {
            "id": "1", "started_at": "2026-11-22T10:00:00Z", "commit": "", "channel": "device",
            "configuration": "Release", "config_sha256": "ab" * 32,
        },
        "device": {
            "model": "iPhone15,2", "is_simulator": False, "os_version": "18.6",
            "os_build": "22G86", "ram_bytes": 6 << 30, "low_power": False,
            "compute_devices": ["cpu"],
        },
        "fixtures": {"manifest_sha256": read_fixtures(FIXTURES).manifest_sha256},
        "models": [
            {
                "name": model["name"], "file": model["package"], "sha256": model["sha256"],
                "precision": "fp32",
                "io": [
                    {**port, "dtype": "float32", "strides": []} for port in model["outputs"]
                ],
            }
            for model in manifest["models"]
        ],
        "parity": parity, "pipeline": pipeline, "bench": [], "failures": [],
        "status": "complete",
    }  # fmt: skip
    (out / "results.json").write_text(json.dumps(values))
    return ingest(out, read_fixtures(FIXTURES)), out


def altered(out: Path, change: Callable[[dict[str, Any]], None]) -> DeviceResults:
    """The same results after `change` has edited results.json."""
    path = out / "results.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return ingest(out, read_fixtures(FIXTURES))


def failed(found: tuple[Row, ...]) -> list[Row]:
    return [row for row in found if row.status == FAIL]


def reasons(found: tuple[Row, ...], model: str) -> str:
    return "\n".join(r for row in failed(found) if row.model == model for r in row.reasons)


def test_what_is_recorded_passes(tmp_path: Path) -> None:
    found = device_rows(*brought(tmp_path), FIXTURES)
    assert failed(found) == []
    assert {row.backend for row in found} == {f"device:iPhone15,2:{u}" for u in UNITS}
    judged = {(row.model, row.stage, row.output, row.metric) for row in found if row.judged}
    assert ("tiny-palm", rows.SUPPRESSED, "boxes", "IoU") in judged
    assert ("tiny-hand", rows.LANDMARKS, "landmarks", "largest error") in judged
    assert ("tiny-hand", rows.LANDMARKS, "presence", "difference") in judged
    assert ("tiny-hand", rows.LANDMARKS, "handedness", "flips") in judged
    assert ("tiny-hand", rows.IMAGE, "hands", "unmatched") in judged
    raw = [row for row in found if row.stage == rows.RAW]
    assert {row.output for row in raw} == {
        *("boxes", "keypoints", "scores"),
        *("landmarks", "presence", "handedness", "world_landmarks"),
    }
    assert all(row.inputs == 4 and row.value == 0.0 for row in raw)


@pytest.mark.parametrize(
    ("output", "error", "metric"),
    [
        ("landmarks", 0.14 / SIDE, None),
        ("landmarks", 0.16 / SIDE, "mean error"),
        ("presence", 0.009, None),
        ("presence", -0.011, "difference"),
        ("handedness", 0.009, None),
        ("handedness", 0.011, "difference"),
    ],
)
def test_the_limits_of_the_task(
    tmp_path: Path, output: str, error: float, metric: str | None
) -> None:
    def change(model: str, name: str, values: np.ndarray) -> np.ndarray:
        moved = values.copy()
        if name == output:
            moved[..., :1] += error  # x of landmarks
        return moved

    found = device_rows(*brought(tmp_path, change), FIXTURES)
    wanted = [] if metric is None else [(output, metric, "all")]
    assert [(r.output, r.metric, r.backend.rsplit(":")[-1]) for r in failed(found)] == wanted


def test_boxes_of_another_size_fail(tmp_path: Path) -> None:
    def change(model: str, name: str, values: np.ndarray) -> np.ndarray:
        if name != "boxes":
            return values
        wider = values.copy()
        wider[:, 2] += 0.02 * (values[:, 2] - values[:, 0])  # an overlap of 1 / 1.02
        return wider

    found = device_rows(*brought(tmp_path, change), FIXTURES)
    (row,) = failed(found)
    assert (row.stage, row.metric, row.limit) == (rows.SUPPRESSED, "IoU", 0.99)
    assert row.value == pytest.approx(1 / 1.02, abs=2e-4)


def nan(values: np.ndarray) -> np.ndarray:
    damaged = values.copy()
    damaged.reshape(-1)[0] = np.nan
    return damaged


FAULTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str, str]] = {
    "shifted": (lambda v: np.roll(v, 1, axis=0), "wrong places", "wrong places"),
    "transposed": (
        lambda v: np.ascontiguousarray(v.reshape(len(v), -1).T).reshape(v.shape),
        "wrong places",
        "wrong places",
    ),
    "nan": (nan, "NaN or infinite", "NaN or infinite"),
    "constant": (lambda v: np.full_like(v, 0.25), "all values are 0.25", "all values are 0.25"),
    "flipped": (lambda v: 1 - v, "detections, unmatched", "landmarks, mean error"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_both_models_are_named(tmp_path: Path, fault: str) -> None:
    plant, of_palms, of_hands = FAULTS[fault]
    found = device_rows(*brought(tmp_path, lambda model, name, values: plant(values)), FIXTURES)
    assert {row.backend.rsplit(":")[-1] for row in failed(found)} == {"all"}
    assert of_palms in reasons(found, "tiny-palm")
    assert of_hands in reasons(found, "tiny-hand")


def test_one_output_that_is_missing_fails(tmp_path: Path) -> None:
    results = brought(tmp_path, lambda m, name, values: None if name == "scores" else values)
    (row,) = failed(device_rows(*results, FIXTURES))
    assert row.output == "scores" and "no such output" in row.reasons[0]


def test_an_answer_that_never_changes_fails(tmp_path: Path) -> None:
    first: dict[str, np.ndarray] = {}

    def change(model: str, name: str, values: np.ndarray) -> np.ndarray:
        return first.setdefault(f"{model}/{name}", values)

    found = device_rows(*brought(tmp_path, change), FIXTURES)
    assert "the same values for each of 4 inputs" in reasons(found, "tiny-palm")
    assert "the same values for each of 4 inputs" in reasons(found, "tiny-hand")


def test_what_the_device_could_not_do_fails(tmp_path: Path) -> None:
    _, out = brought(tmp_path)

    def fail(values: dict[str, Any]) -> None:
        values["parity"] = [
            row for row in values["parity"] if (row["model"], row["units"]) != ("tiny-hand", "all")
        ]
        values["failures"] = [
            {"stage": "load", "model": "tiny-hand", "units": "all", "message": "cannot be loaded"},
            {"stage": "pipeline", "model": "", "units": "cpuOnly", "message": "one: no palms"},
        ]

    found = device_rows(altered(out, fail), out, FIXTURES)
    assert "cannot be loaded" in reasons(found, "tiny-hand")
    assert "one: no palms" in reasons(found, "tiny-hand")
    assert reasons(found, "tiny-palm") == ""


def test_units_that_only_failed_are_told(tmp_path: Path) -> None:
    _, out = brought(tmp_path, units=("cpuOnly",))

    def fail(values: dict[str, Any]) -> None:
        values["failures"] = [
            {"stage": "load", "model": "tiny-palm", "units": "all", "message": "no such unit"}
        ]

    found = device_rows(altered(out, fail), out, FIXTURES)
    assert [row.backend for row in failed(found)] == [found[0].backend.replace("cpuOnly", "all")]
    other = [row for row in found if row.model == "tiny-hand" and row.backend.endswith(":all")]
    assert other[0].status == NOT_RUN


def test_a_hole_fails_unless_the_run_was_cut_off(tmp_path: Path) -> None:
    _, out = brought(tmp_path)

    def hole(values: dict[str, Any]) -> None:
        values["parity"] = [
            row
            for row in values["parity"]
            if (row["model"], row["case"], row["units"]) != ("tiny-palm", "two", "all")
        ]

    assert "1 of 4 inputs have no output" in reasons(
        device_rows(altered(out, hole), out, FIXTURES), "tiny-palm"
    )
    cut = altered(out, lambda values: values.update(status="partial"))
    assert failed(device_rows(cut, out, FIXTURES)) == []


def test_nothing_at_all_fails(tmp_path: Path) -> None:
    _, out = brought(tmp_path)
    empty = altered(out, lambda values: values.update(parity=[], pipeline=[]))
    found = device_rows(empty, out, FIXTURES)
    assert {row.status for row in found} == {FAIL}
    assert {row.model for row in found} == {"tiny-palm", "tiny-hand"}


def test_a_chosen_case_is_enough(tmp_path: Path) -> None:
    _, out = brought(tmp_path)

    def choose(values: dict[str, Any]) -> None:
        for name in ("parity", "pipeline"):
            values[name] = [row for row in values[name] if row["case"].startswith("two")]

    found = device_rows(altered(out, choose), out, FIXTURES)
    assert failed(found) == []
    assert {row.inputs for row in found if row.stage == rows.RAW} == {1, 2}


@pytest.mark.parametrize("tensor", ["landmarks", "presence"])
def test_hands_of_pictures_must_be_whole(tmp_path: Path, tensor: str) -> None:
    results, out = brought(tmp_path)
    path = out / "raw" / "pipeline" / f"two__all__{tensor}.bin"
    path.write_bytes(path.read_bytes()[:-4])
    (row,) = failed(device_rows(results, out, FIXTURES))
    assert row.stage == rows.IMAGE and "are incomplete" in row.reasons[0]


def test_a_hand_too_few_fails(tmp_path: Path) -> None:
    results, out = brought(tmp_path)
    for tensor, size in (("landmarks", 63 * 4), ("presence", 4)):
        path = out / "raw" / "pipeline" / f"two__all__{tensor}.bin"
        path.write_bytes(path.read_bytes()[:size])
    (row,) = failed(device_rows(results, out, FIXTURES))
    assert (row.stage, row.metric, row.value) == (rows.IMAGE, "unmatched", 1.0)


def test_fixtures_that_were_altered_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "Fixtures"
    shutil.copytree(FIXTURES, copy)
    target = copy / "records" / "tiny-palm" / "one" / "boxes.bin"
    target.write_bytes(b"\0" * target.stat().st_size)
    with pytest.raises(ArtifactError, match=r"boxes\.bin: does not match the manifest"):
        device_rows(*brought(tmp_path / "device"), copy)


def test_passing_rows_say_pass(tmp_path: Path) -> None:
    assert {row.status for row in device_rows(*brought(tmp_path), FIXTURES)} == {PASS}
