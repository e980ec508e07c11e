"""Checks that the gate can fail: it must catch and locate every fault planted in every model, and
raise no alarm on the intact models.

In addition, a limit tightened a hundredfold must fail, and backends that all answer with a
constant must not pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.faults.catalogue import FAULTS, Fault
from blazepalm.reports.faults.check import IMAGES, FaultBench, Outcome

SEEDS = 5  # runs that must raise no alarm
MIN_LOCATED = 0.95  # share of the planted faults


@dataclass(frozen=True)
class SelfTest:
    """`passed`: every fault was caught, at least 95 % of them at the right place, and no intact
    model raised an alarm.
    """

    outcomes: tuple[Outcome, ...]
    false_alarms: tuple[str, ...]
    seeds: int

    @property
    def passed(self) -> bool:
        located = sum(outcome.located for outcome in self.outcomes)
        caught = all(outcome.caught for outcome in self.outcomes)
        enough = located >= MIN_LOCATED * len(self.outcomes)
        return bool(self.outcomes) and caught and enough and not self.false_alarms

    def to_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "planted": len(self.outcomes),
            "caught": sum(outcome.caught for outcome in self.outcomes),
            "located": sum(outcome.located for outcome in self.outcomes),
            "false_alarms": len(self.false_alarms),
            "alarms": list(self.false_alarms),
            "seeds": self.seeds,
            "faults": [asdict(outcome) for outcome in self.outcomes],
        }


def self_test(
    groups: Sequence[Group],
    contents: Mapping[str, bytes],
    images: Sequence[Case],
    *,
    faults: Sequence[Fault] = FAULTS,
    seeds: int = SEEDS,
    on_fault: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> SelfTest:
    """Plants every fault in every model of `groups`. `contents`: each model's bytes by name;
    `images`: a few cases with hands; without them, only faults inside a network are planted.
    Raises CouldNotVerify if no model is of a known family.
    """
    subjects = [(group, s) for group in groups for s in group.subjects if s.rules is not None]
    if not subjects:
        raise CouldNotVerify("--self-test needs a model of a known family to plant faults in")
    outcomes, alarms = [], []
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
    return SelfTest(tuple(outcomes), tuple(alarms), seeds)
