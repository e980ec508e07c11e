"""Faults in a float16 package: right with float32 sums, caught and located with float16 ones.

BLAZEPALM_EVERY_RELEASE=1 plants them in a detector, too.
"""

import os
from pathlib import Path

import pytest

from blazepalm.converter.threads import one_torch_thread
from blazepalm.reports.backends.names import (
    GENERIC,
    MIL,
    MIL_FP16,
    ORACLE,
    TFLITE,
    TFLITE_REF,
    TORCH,
)
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import golden_cases
from blazepalm.reports.faults.check import FaultBench
from blazepalm.reports.faults.package import PACKAGE_FAULTS
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.models import shared_model
from support.small_golden import small_golden

EVERY = bool(os.environ.get("BLAZEPALM_EVERY_RELEASE"))


def opened(release: str, packages: Path | None) -> Subject:
    packaged = (MIL, MIL_FP16) if packages else ()
    only = (TFLITE, TFLITE_REF, ORACLE, GENERIC, TORCH, *packaged)
    content = shared_model(release).read_bytes()
    return open_subject(release, content, workers=1, packages=packages, only=only)


def bench_of(group: Group, subject: Subject, tmp_path: Path) -> FaultBench:
    (case, *_) = golden_cases(small_golden(tmp_path))
    return FaultBench(group, subject, shared_model(subject.name).read_bytes(), (case,))


def test_a_landmark_network_s_package(tmp_path: Path) -> None:
    with one_torch_thread():
        palm = opened("palm-lite-2021-11", None)
        hand = opened("hand-lite-2022", tmp_path)
        bench = bench_of(Group(palm=palm, hands=(hand,)), hand, tmp_path)
        convolution, mean = (bench.plant(fault) for fault in PACKAGE_FAULTS)
    assert convolution is not None and convolution.caught and convolution.located
    assert convolution.expected == convolution.found == "backbone.stage5.block3.project"
    assert "landmarks, mean error" in convolution.message
    assert mean is not None and mean.caught and mean.located
    assert "values of coreml-mil-fp16 are NaN or infinite" in mean.message


@pytest.mark.skipif(not EVERY, reason="BLAZEPALM_EVERY_RELEASE is not set")
def test_a_detector_s_package(tmp_path: Path) -> None:
    with one_torch_thread():
        palm = opened("palm-lite-2021-11", tmp_path)
        bench = bench_of(Group(palm=palm), palm, tmp_path)
        convolution, mean = (bench.plant(fault) for fault in PACKAGE_FAULTS)
    assert mean is None  # it adds up no map
    assert convolution is not None and convolution.caught and convolution.located
    assert "boxes, IoU" in convolution.message or "detections" in convolution.message


def test_without_a_package_or_hands_there_is_nothing_to_plant() -> None:
    with one_torch_thread():
        hand = opened("hand-lite-2022", None)
        bench = FaultBench(
            Group(hands=(hand,)), hand, shared_model("hand-lite-2022").read_bytes(), images=()
        )
        assert [bench.plant(fault) for fault in PACKAGE_FAULTS] == [None, None]
