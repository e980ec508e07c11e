"""What checking a recording finds, as data: the differences, their limits, and what exceeds one."""

from dataclasses import dataclass, field
from typing import Any

from blazepalm.reports.judge import policy
from blazepalm.reports.recording.agreement import AGREEMENT_LIMITS, MEAN, Values, beyond, together
from blazepalm.reports.recording.float16 import FLOAT16_LIMITS
from blazepalm.reports.recording.recorded_file import Models

# The limits against MediaPipe, and for the palm: keypoints like landmarks; boxes by parity's
# 1 − IoU; score and presence by parity's limit for presence.
RECORDING_LIMITS: Values = {
    **AGREEMENT_LIMITS,
    "keypoints": AGREEMENT_LIMITS["most"],
    "box": round(1.0 - policy.LIMITS.iou, 6),
    "score": policy.LIMITS.presence,
    "presence": policy.LIMITS.presence,
}
WORDS = {
    "mean": "landmarks on average, px",
    "most": "farthest landmark, px",
    "depth": "z, picture widths",
    "world": "world landmarks, m",
    "handedness": "handedness",
    "keypoints": "farthest palm keypoint, px",
    "box": "palm box, 1 − IoU",
    "score": "palm score",
    "presence": "presence",
}


def told(values: Values, name: str, limits: Values) -> str:
    """The message for a difference that exceeds its limit."""
    return f"{WORDS[name]}: {values[name]:.3g}, limit {limits[name]:g}"


@dataclass(frozen=True)
class CaseCheck:
    """`recorded` and `found` count hands; `unmatched` counts those of both without a partner,
    except `ties`; `differences` of each matched pair, by the names of `RECORDING_LIMITS`.
    `problem`: why the case could not be compared, or "".
    """

    name: str
    recorded: int
    found: int | None = None
    unmatched: int = 0
    ties: int = 0
    differences: tuple[Values, ...] = ()
    problem: str = ""
    limits: Values = field(default_factory=lambda: RECORDING_LIMITS)

    @property
    def worst(self) -> Values:
        return together(self.differences, RECORDING_LIMITS)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Messages why the case fails; empty if it passes."""
        if self.problem:
            return (self.problem,)
        worst = self.worst
        alone = f"hands: {self.recorded} recorded, {self.found} found, {self.unmatched} unmatched"
        return (
            *((alone,) if self.unmatched else ()),
            *(
                told(worst, name, self.limits)
                for name in beyond(worst, self.limits)
                if name != MEAN  # over the whole set
            ),
        )


@dataclass(frozen=True)
class RecordingCheck:
    """`cases`: all recorded ones (or those asked for); `unrecorded`: names of readable pictures
    without a recording. `expected` and `found`: the models that recorded, and that checked;
    `limits`: those that apply, in pixels of the networks' inputs if `float16`.
    """

    expected: Models
    found: Models
    cases: tuple[CaseCheck, ...]
    unrecorded: tuple[str, ...] = field(default=())
    float16: bool = False

    @property
    def limits(self) -> Values:
        return FLOAT16_LIMITS if self.float16 else RECORDING_LIMITS

    @property
    def hands(self) -> int:
        """How many hands were compared."""
        return sum(len(case.differences) for case in self.cases)

    @property
    def differences(self) -> Values:
        """Over the whole set."""
        return together([one for case in self.cases for one in case.differences], RECORDING_LIMITS)

    @property
    def passed(self) -> bool:
        """Whether something was compared, and every limit holds in every case."""
        good = not beyond(self.differences, self.limits)
        return good and bool(self.cases) and not any(case.reasons for case in self.cases)

    def to_values(self) -> dict[str, Any]:
        """JSON values, always with every key."""
        return {
            "passed": self.passed,
            "hands": self.hands,
            "differences": self.differences,
            "limits": self.limits,
            "cases": [
                {
                    "name": case.name,
                    "passed": not case.reasons,
                    "reasons": list(case.reasons),
                    "recorded": case.recorded,
                    "found": case.found,
                    "unmatched": case.unmatched,
                    "ties": case.ties,
                    "differences": case.worst if case.differences else None,
                }
                for case in self.cases
            ],
            "unrecorded": list(self.unrecorded),
        }
