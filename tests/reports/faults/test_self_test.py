"""The gate must be able to fail: every fault in two releases, caught and located."""

from itertools import islice

import pytest

from blazepalm.errors import CouldNotVerify
from blazepalm.golden.manifest import GoldenSet
from blazepalm.reports.faults.catalogue import FAULTS
from blazepalm.reports.faults.package import PACKAGE_FAULTS
from blazepalm.reports.parity import parity
from support.models import shared_model
from support.small_golden import small_golden


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> GoldenSet:
    return small_golden(tmp_path_factory.mktemp("golden"))


def test_every_planted_fault_is_caught_and_located(golden: GoldenSet) -> None:
    report = parity("palm-lite", "hand-lite", golden=golden, noise=2, coreml=False, self_test=True)
    found = report.self_test
    assert found is not None and found.passed and report.passed
    assert found.false_alarms == 0 and found.seeds == 5
    assert found.planted == found.caught == found.located > 36
    planted = {outcome.fault for outcome in found.faults}
    networks = {fault.name for fault in FAULTS} - {fault.name for fault in PACKAGE_FAULTS}
    assert planted >= networks, "each has a place in one of the two"
    for outcome in islice(found.faults, 5):
        assert outcome.message and outcome.expected == outcome.found


def test_without_a_known_family_nothing_can_be_planted() -> None:
    with pytest.raises(CouldNotVerify, match="known family"):
        parity(shared_model("hand-recrop-2020-07"), noise=2, coreml=False, self_test=True)
