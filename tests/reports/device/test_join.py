"""A device's rows in a report that compares the same models, and in one that does not."""

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from blazepalm.reports.compare.rows import FAIL, PASS
from blazepalm.reports.device.join import with_device
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.stored.read import report_from
from support.tiny import chosen_subject, report_of
from tests.reports.device.test_rows import FIXTURES, brought


def report_of_the_devices_models(results_path: Path) -> ParityReport:
    """A passing report whose models have the names of those on the device."""
    found = with_device(report_of(chosen_subject()), results_path, FIXTURES)
    names = {failure.message.split()[3].rstrip(",") for failure in found.failures}
    report = report_of(chosen_subject())
    (model,) = report.models
    return replace(
        report,
        models=tuple(replace(model, name=name) for name in sorted(names)),
        rows=tuple(replace(row, model=name) for name in sorted(names) for row in report.rows),
        cases=tuple(replace(c, values=c.values * len(names)) for c in report.cases),
    )


def test_a_device_adds_backends_and_passes(tmp_path: Path) -> None:
    _, path = brought(tmp_path)
    before = report_of_the_devices_models(path)
    after = with_device(before, path, FIXTURES)
    assert after.passed and not after.failures and len(after.device) == 1
    added = {b.name: b.status for m in after.models for b in m.backends if ":" in b.name}
    assert len(added) == 2 and set(added.values()) == {PASS}
    assert len(after.rows) > len(before.rows)
    assert all(len(case.values) == len(after.rows) for case in after.cases)
    report_from(after.to_dict(), "with a device")


def test_a_wrong_device_fails_the_report(tmp_path: Path) -> None:
    def shifted(model: str, output: str, values: np.ndarray) -> np.ndarray:
        return values + np.float32(0.5)

    _, path = brought(tmp_path, shifted)
    after = with_device(report_of_the_devices_models(path), path, FIXTURES)
    assert not after.passed and after.exit_code == 1
    assert any(row.status == FAIL and row.backend.startswith("device:") for row in after.rows)


def test_models_that_were_not_compared_are_told(tmp_path: Path) -> None:
    _, path = brought(tmp_path)
    after = with_device(report_of(chosen_subject()), path, FIXTURES)
    assert after.exit_code == 3
    assert all("parity did not compare" in failure.message for failure in after.failures)
