"""A device's results, sound and faulty: values are read back, problems are reported."""

from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins

from blazepalm.errors import ArtifactError
from blazepalm.reports.device.ingest import DeviceResults, ingest, recount
from blazepalm.reports.fixtures.manifest import read_fixtures
from blazepalm.reports.judge.report_parts import Memory
from blazepalm.reports.schemas import json_schema
from support.device_results import CASES, FAULTS, MODELS, UNITS, Written, write

PLACE = ("palm-full-2023-09", "open-right", "cpuOnly", "boxes")  # of the faulty raw file


def ingested(written: Written) -> DeviceResults:
    return ingest(written.path, read_fixtures(written.fixtures))


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    written = write(tmp_path / "out")
    results = ingested(written)
    assert results.problems == () and results.checked
    assert len(results.outputs) == len(CASES) * len(UNITS) * 4
    for place, expected in written.arrays.items():
        found = results.outputs[place].load()
        assert found.shape == expected.shape and found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    assert list(recount(results)) == []
    assert results.units == UNITS
    assert results.backend("cpuOnly") == "device:iPhone15,2:cpuOnly"
    loaded = results.load("hand-full-2022", "two-hands", "cpuOnly")
    assert {name: array.shape for name, array in loaded.items()} == MODELS["hand-full-2022"]


def test_entry_has_the_reports_form(tmp_path: Path) -> None:
    written = write(tmp_path)
    entry = ingest(tmp_path).entry
    schema = json_schema("parity")["$defs"]
    assert list(to_builtins(entry)) == schema["Device"]["required"]
    assert (entry.name, entry.model) == ("iPhone15,2", "iPhone15,2")
    assert entry.os == "iOS 18.6 (22G86)" and entry.not_a_benchmark == ()
    for found, row in zip(entry.bench, written.values["bench"], strict=True):
        assert list(to_builtins(found)) == schema["DeviceBench"]["required"]
        in_order = sorted(row["samples_ns"])
        # of 200 samples the median lies between the 100th and the 101st
        assert found.p50_ms == pytest.approx((in_order[99] + in_order[100]) / 2e6)
        assert (found.samples, found.first_ms) == (200, 31.5)
        assert found.memory_mb == Memory(40.0, 52.0, 61.0)


REFUSED = {
    "unknown schema": "unknown schema blazepalm-ios-results/2",
    "other manifest": "was made with other fixtures",
    "other model": "model palm-full-2023-09 has SHA-256 111111111111",
    "unknown model": "model palm-of-mine is not in the fixtures",
    "climbs out": "outside the results' folder",
    "absolute path": "outside the results' folder",
    "link out": "outside the results' folder",
    "no device": "the whole: device is missing",
    "samples of text": "bench[0].samples_ns[0]: expected a whole number, found 1200000",
    "endless shape": "models[0].io[1].shape[0]: expected a whole number <= 268435456, "
    "found 1099511627776",
}
PROBLEMS = {
    "cut off": "is cut off: 124 of 128 bytes",
    "padded": "has 512 bytes, not 128: padding or another shape",
    "absent": "there is no raw output palm-full-2023-09/open-right__cpuOnly__boxes.bin",
    "name too long": "there is no raw output éééé",
    "wrong shape": "boxes has the shape 4×8, in the fixtures 8×4",
    "wrong count": "31 values were compared, but the shape 8×4 has 32",
    "unknown tensor": "the model has no such output",
    "twice": "listed twice",
    "wrong percentile": "p50_ms is 0.4, but its samples give 1.3",
    "no samples": "palm-full-2023-09 on cpuOnly: no samples",
}
USELESS = ("cut off", "padded", "absent", "name too long", "wrong count", "unknown tensor")
MARKS = {
    "simulator": "a simulator",
    "replay": "recorded outputs were replayed",
    "Debug": "built for Debug",
    "low power": "low power mode",
    "hot at the end": "palm-full-2023-09 on cpuAndNeuralEngine: the device was hot (serious)",
    "hot in between": "the device was hot (critical)",
    "warm at the start": "was not cool at the start (fair)",
}


def test_every_fault_is_expected_somewhere() -> None:
    assert set(FAULTS) == {*REFUSED, *PROBLEMS, *MARKS, "NaN", "partial"}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_with_one_sentence(fault: str, tmp_path: Path) -> None:
    written = write(tmp_path / "out", fault)
    with pytest.raises(ArtifactError) as refused:
        ingested(written)
    message = str(refused.value)
    assert REFUSED[fault] in message and message.isprintable() and "results.json" in message


@pytest.mark.parametrize("fault", PROBLEMS)
def test_what_cannot_be_used_is_told(fault: str, tmp_path: Path) -> None:
    results = ingested(write(tmp_path, fault))
    (problem,) = results.problems
    assert PROBLEMS[fault] in problem
    whole = len(CASES) * len(UNITS) * 4
    unusable = fault in USELESS
    assert len(results.outputs) == whole - unusable
    assert (PLACE in results.outputs) is not unusable


@pytest.mark.parametrize("fault", MARKS)
def test_not_a_benchmark(fault: str, tmp_path: Path) -> None:
    results = ingested(write(tmp_path, fault))
    (mark,) = results.entry.not_a_benchmark
    assert MARKS[fault] in mark and results.problems == ()


def test_a_simulator_is_no_phone(tmp_path: Path) -> None:
    assert ingest(write(tmp_path / "a", "simulator").path).name == "iPhone15,2-simulator"
    assert ingest(write(tmp_path / "b", "replay").path).name == "iPhone15,2-replay"


def test_nan_is_counted_here(tmp_path: Path) -> None:
    results = ingested(write(tmp_path, "NaN"))
    first, second = recount(results)
    assert first.endswith("boxes: 1 of 32 values are not finite")
    assert second.endswith("the device counted 0 of these, the file has 1")
    assert np.isnan(results.outputs[PLACE].load()[1, 1])


def test_a_partial_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    results = ingested(write(tmp_path, "partial"))
    assert len(results.outputs) == 4 and results.problems == ()
    assert results.entry.status == "partial" and results.entry.bench == ()


def test_without_fixtures_hashes_are_not_compared(tmp_path: Path) -> None:
    assert not ingest(write(tmp_path, "other manifest").path).checked


def test_a_file_that_changes_after_it_was_looked_at(tmp_path: Path) -> None:
    output = ingest(write(tmp_path).path).outputs[PLACE]
    output.path.write_bytes(b"short")
    with pytest.raises(ArtifactError, match="no longer has 128 bytes"):
        output.load()
    output.path.unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        output.load()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"schema": NaN}', "[" * 100_000, '{"schema": 1e999}', "\xff"]
)
def test_what_is_no_results_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ArtifactError) as refused:
        ingest(path)
    assert str(refused.value).isprintable() and len(str(refused.value)) < 400


def test_a_damaged_manifest(tmp_path: Path) -> None:
    fixtures = write(tmp_path).fixtures
    manifest = fixtures / "manifest.json"
    text = manifest.read_text()
    for broken in (text.replace("ios-fixtures/1", "x"), text.replace("[8, 4]", "8"), "[]"):
        manifest.write_text(broken)
        with pytest.raises(ArtifactError, match=r"manifest\.json"):
            read_fixtures(fixtures)
