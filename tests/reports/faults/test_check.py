"""The count of false alarms can be greater than zero."""

from blazepalm.converter.threads import one_torch_thread
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.faults.catalogue import FAULTS
from blazepalm.reports.faults.check import FaultBench
from blazepalm.reports.subjects.open_subject import open_subject
from support.models import shared_model

RELEASE = "hand-lite-2022"


def test_a_culprit_in_an_unharmed_model_is_a_false_alarm() -> None:
    """Calls with a fault stand in for an intact model that is wrongly suspected."""
    content = shared_model(RELEASE).read_bytes()
    with one_torch_thread():
        subject = open_subject(RELEASE, content, workers=1, packages=None)
        bench = FaultBench(Group(hands=(subject,)), subject, content, images=())
        assert bench.false_alarms(seeds=2) == []
        planted = next(f for f in FAULTS if "bias" in f.name).plant(subject)
        assert planted is not None and planted.candidate is not None
        bench.calls = planted.candidate
        alarms = bench.false_alarms(seeds=2)
    assert [alarm.split(":")[0] for alarm in alarms] == [
        f"{subject.name}, seed 0",
        f"{subject.name}, seed 1",
    ]
    assert all(alarm.endswith("is a culprit") for alarm in alarms)
