"""Checks that the gate can fail: it must catch and locate every fault planted in every model, and
raise no alarm on the intact models.

In addition, a limit tightened a hundredfold must fail, and backends that all answer with a
constant must not pass.
"""

from collections.abc import Callable, Mapping, Sequence

from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.faults.catalogue import FAULTS, Fault
from blazepalm.reports.faults.check import IMAGES, FaultBench
from blazepalm.reports.judge.report_parts import FaultOutcome, SelfTestResult

SEEDS = 5  # runs that must raise no alarm
MIN_LOCATED = 0.95  # share of the planted faults


def self_test(
    groups: Sequence[Group],
    contents: Mapping[str, bytes],
    images: Sequence[Case],
    *,
    faults: Sequence[Fault] = FAULTS,
    seeds: int = SEEDS,
    on_fault: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> SelfTestResult:
    """Plants every fault in every model of `groups`. `contents`: each model's bytes by name;
    `images`: a few cases with hands; without them, only faults inside a network are planted. It
    passes if every fault was caught, at least 95 % of them at the right place, and no intact
    model raised an alarm.
    Raises CouldNotVerify if no model is of a known family.
    """
    subjects = [(group, s) for group in groups for s in group.subjects if s.rules is not None]
    if not subjects:
        raise CouldNotVerify("--self-test needs a model of a known family to plant faults in")
    outcomes: list[FaultOutcome] = []
    alarms: list[str] = []
    total = len(subjects) * len(faults)
    with one_torch_thread():
        for number, (group, subject) in enumerate(subjects):
            bench = FaultBench(group, subject, contents[subject.name], tuple(images[:IMAGES]))
            alarms += bench.false_alarms(seeds)
            for index, fault in enumerate(faults):
                on_fault(subject.name, number * len(faults) + index + 1, total)
                outcome = bench.plant(fault)
                if outcome is not None:
                    outcomes.append(outcome)
            outcomes += bench.hollow()
    caught, located = (sum(getattr(o, name) for o in outcomes) for name in ("caught", "located"))
    enough = caught == len(outcomes) > 0 and located >= MIN_LOCATED * len(outcomes)
    return SelfTestResult(
        passed=enough and not alarms,
        planted=len(outcomes),
        caught=caught,
        located=located,
        false_alarms=len(alarms),
        alarms=tuple(alarms),
        seeds=seeds,
        faults=tuple(outcomes),
    )
