"""The whole loop short of Apple's runtime: Swift replays recorded outputs under the shim, whole or
with a fault in them, and Python reads and judges what the harness wrote.

Needs a Swift toolchain; the first run builds the harness (BLAZEPALM_SWIFT_SCRATCH, else
.build/shim, as `make swift-test` does).
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.device.ingest import DeviceResults, ingest, recount
from blazepalm.reports.device.rows import device_rows
from blazepalm.reports.fixtures.manifest import read_fixtures

HARNESS = Path(__file__).parents[2] / "ios_harness"
FIXTURES = HARNESS / "Tests" / "Fixtures"
SCRATCH = os.environ.get("BLAZEPALM_SWIFT_SCRATCH", str(HARNESS.parent / ".build" / "shim"))
BUILD_SECONDS, RUN_SECONDS = 1200, 120

pytestmark = pytest.mark.skipif(
    shutil.which("swift") is None, reason="no swift on the PATH: the harness cannot be built"
)

# what the device says, and what judging says of tiny-palm and of tiny-hand; None: nothing
DISORDER = "the right values in the wrong places"
FAULTS: dict[str, tuple[str | None, str | None, str | None]] = {
    "shifted": (None, DISORDER, "landmarks, largest error"),
    "transposed": (None, "detections, unmatched", "landmarks, largest error"),
    "paddedRows": (None, "detections, unmatched", "landmarks, largest error"),
    "otherCase": (None, "detections, unmatched", "landmarks, largest error"),
    "nan": ("are not finite", "NaN or infinite", "NaN or infinite"),
    "constant": ("all values are 0.25", "all values are 0.25", "all values are 0.25"),
    "wrongDtype": ("is int32, the model declares float32", "is int32", "is int32"),
    "missingOutput": ("gave no output", "gave no output", "gave no output"),
    "truncated": ("it is truncated", "it is truncated", "it is truncated"),
    "wrongShape": ("the model declares", "has shape", "has shape"),
}


@dataclass(frozen=True)
class Replayed:
    """What a run of the harness's own tests left behind."""

    code: int
    results: DeviceResults
    rows: tuple[Row, ...]
    log: str
    out: Path

    def failed(self, model: str) -> str:
        return "\n".join(
            reason
            for row in self.rows
            if row.status == FAIL and row.model == model
            for reason in row.reasons
        )


def read(out: Path, code: int, log: str) -> Replayed:
    results = ingest(out, read_fixtures(FIXTURES))
    return Replayed(code, results, device_rows(results, out, FIXTURES), log, out)


def environment(**variables: str) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if "BLAZEPALM_IOS" not in k},
        "BLAZEPALM_SWIFT_SCRATCH": SCRATCH,
        "BLAZEPALM_IOS_UNITS": "cpuOnly",
        **variables,
    }


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The script's own run, which builds what the others use."""
    out = tmp_path_factory.mktemp("sound") / "run"
    done = subprocess.run(
        [HARNESS / "scripts" / "replay.sh", out],
        env=environment(BLAZEPALM_IOS_ITERATIONS="5", BLAZEPALM_IOS_WARMUP="1"),
        timeout=BUILD_SECONDS,
        capture_output=True,
        text=True,
    )
    log = out / "swift.log"
    text = done.stdout + done.stderr + (log.read_text()[-4000:] if log.exists() else "")
    assert (out / "out" / "results.json").is_file(), text
    return read(out / "out", done.returncode, text)


def test_a_sound_replay_passes(sound: Replayed) -> None:
    assert sound.code == 0, sound.log
    assert "blazepalm ios ingest" in sound.log
    assert sound.results.problems == () and list(recount(sound.results)) == []
    assert sound.results.entry.status == "complete"
    assert sound.results.entry.failures == ()
    assert [row for row in sound.rows if row.status == FAIL] == []
    assert len(sound.results.outputs) == 4 * 3 + 4 * 4
    assert len(sound.results.pipeline) == 4
    assert any("no model ran" in why for why in sound.results.entry.not_a_benchmark)


LISTS = ("models", "parity", "pipeline", "bench", "failures")


def joined(documents: list[Any]) -> dict[str, Any]:
    """As FIXTURES.md says: lists are joined in order, each model is kept once, and the rest must be
    equal.
    """
    whole = {**documents[0], **{name: [] for name in LISTS}}
    for document in documents:
        assert {k: document[k] for k in ("schema", "run", "device", "fixtures")} == {
            k: whole[k] for k in ("schema", "run", "device", "fixtures")
        }
        for name in LISTS:
            whole[name] += [
                row for row in document[name] if name != "models" or row not in whole[name]
            ]
    return whole


def attachments(folder: Path) -> list[tuple[str, Any]]:
    """What each attachment is, and its document."""
    lines = [line.split("\t") for line in (folder / "index.txt").read_text().splitlines()]
    return [(owner, json.loads((folder / name).read_text())) for name, owner in lines]


def test_results_leave_three_ways_after_every_case(sound: Replayed) -> None:
    file = json.loads((sound.out / "results.json").read_text())
    log = (sound.out.parent / "swift.log").read_text().splitlines()
    start = "blazepalm-results "
    lines = [json.loads(line[len(start) :]) for line in log if line.startswith(start)]
    kept = attachments(sound.out.parent / "attachments")
    cases = [document for owner, document in kept if "·" in owner]
    whole = [document for owner, document in kept if "·" not in owner]
    # 4 palm and 4 hand inputs, 4 pictures, 2 benchmarks; what is attached is what is printed
    assert cases == lines and len(cases) == 4 + 4 + 4 + 2
    assert joined(lines) == {**file, "status": "partial"}
    # a test's end keeps everything so far; the last one everything
    assert [document["status"] for document in whole] == ["partial", "partial", "complete"]
    assert whole[-1] == file


def test_an_activity_is_a_model_a_case_and_its_units(sound: Replayed) -> None:
    names = [name for name, _ in attachments(sound.out.parent / "attachments") if "·" in name]
    assert len(set(names)) == len(names)
    assert {"tiny-palm · cpuOnly · one", "tiny-hand · cpuOnly · two-1"} < set(names)
    assert {"pipeline · cpuOnly · edge", "tiny-hand · cpuOnly"} < set(names)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault: str, sound: Replayed, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [
            *("swift", "test", "--skip-build", "--package-path", HARNESS.parent),
            *("--scratch-path", SCRATCH, "--filter", r"^HarnessTests\."),
        ],
        env=environment(
            COREML_SHIM="1",
            BLAZEPALM_IOS_FIXTURES=str(FIXTURES),
            BLAZEPALM_IOS_OUT=str(out),
            BLAZEPALM_IOS_FAULT=fault,
            BLAZEPALM_IOS_STAGES="parity,pipeline",
        ),
        timeout=RUN_SECONDS,
        capture_output=True,
        text=True,
    )
    replayed = read(out, done.returncode, done.stdout + done.stderr)
    by_device, by_palms, by_hands = FAULTS[fault]
    assert replayed.code != 0, replayed.log[-2000:]
    said = [f for f in replayed.results.entry.failures if f.startswith("parity")]
    if by_device is None:
        assert said == []  # the form is right; the numbers are not
    else:
        assert said and all(by_device in failure for failure in said)
    assert by_palms is None or by_palms in replayed.failed("tiny-palm")
    assert by_hands is None or by_hands in replayed.failed("tiny-hand")
