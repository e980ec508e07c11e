"""Compares our pipeline's hands in the golden set with the hands recorded from MediaPipe.

`python -m blazepalm.reports.recording.mediapipe GOLDEN` prints one row per model complexity and
backend: the hands found by both, and the largest differences. Exit code 0 if the limits
hold, 1 if not, 2 for a bad golden folder, 3 if nothing could be compared.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.errors import BlazePalmError, CouldNotVerify
from blazepalm.golden.manifest import GoldenSet, load_golden
from blazepalm.golden.mediapipe import pixels_sha256, recorded_cases
from blazepalm.reports.recording.agreement import (
    AGREEMENT_LIMITS,
    Values,
    beyond,
    difference,
    together,
)

if TYPE_CHECKING:
    from rich.table import Table

    from blazepalm.models.runners import HandModels

COMPLEXITIES = {0: ("palm-lite", "hand-lite"), 1: ("palm-full", "hand-full")}


@dataclass(frozen=True)
class Agreement:
    """`differences` over the set, as `agreement.together` gives them. `other_counts`: cases with
    a different number of hands; `changed`: cases skipped because their pixels have changed.
    """

    complexity: int
    backend: str
    cases: int
    hands: int
    differences: Values
    other_counts: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared, nothing was left out, and every limit holds."""
        close = not beyond(self.differences, AGREEMENT_LIMITS)
        return close and self.hands > 0 and not self.other_counts and not self.changed


def compare(golden: GoldenSet, models: "HandModels", complexity: int, backend: str) -> Agreement:
    """Compares every readable case that has a record. Raises CouldNotVerify if there is none."""
    from blazepalm.models.hand_pipeline import HandPipeline

    records, pipeline = recorded_cases(), HandPipeline(models)
    differences: list[Values] = []
    other_counts, changed, cases = [], [], 0
    for case in golden.cases:
        if not case.readable or case.name not in records:
            continue
        image, record = golden.image(case), records[case.name]
        cases += 1
        if pixels_sha256(image) != record.sha256:
            changed.append(case.name)
            continue
        hands, expected = pipeline(image), record.hands[complexity]
        if len(hands) != len(expected):
            other_counts.append(case.name)
            continue
        size = (image.shape[0], image.shape[1])
        for hand, truth in zip(hands, expected, strict=True):  # in MediaPipe's order, too
            differences.append(difference(hand, truth, size))
    if not cases:
        raise CouldNotVerify(f"{golden.folder}: has no case with recorded MediaPipe hands")
    return Agreement(
        complexity=complexity,
        backend=backend,
        cases=cases,
        hands=len(differences),
        differences=together(differences, AGREEMENT_LIMITS),
        other_counts=tuple(other_counts),
        changed=tuple(changed),
    )


def table(found: list[Agreement]) -> "Table":
    """One row per complexity and backend."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))  # fits 80 columns
    for name in (
        "complexity",
        "backend",
        "cases",
        "hands",
        "mean px",
        "most px",
        "z",
        "world m",
        "",
    ):
        shown.add_column(name, justify="right")
    for a in found:
        numbers = (f"{a.differences[name]:.2g}" for name in ("mean", "most", "depth", "world"))
        verdict = "ok" if a.passed else "differs"
        shown.add_row(str(a.complexity), a.backend, str(a.cases), str(a.hands), *numbers, verdict)
    return shown


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line described above."""
    parser = argparse.ArgumentParser(description="Compare the pipeline with MediaPipe's records.")
    parser.add_argument("golden", type=Path, help="a folder of `blazepalm golden make`")
    parser.add_argument("--backend", action="append", choices=("tflite", "torch"))
    options = parser.parse_args(arguments)
    from rich.console import Console

    from blazepalm.reports.hands.open_models import open_hand_models

    try:
        golden = load_golden(options.golden)
        found = [
            compare(golden, open_hand_models(*names, backend), complexity, backend)
            for backend in options.backend or ("tflite",)
            for complexity, names in COMPLEXITIES.items()
        ]
    except BlazePalmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3 if isinstance(error, CouldNotVerify) else 2
    console = Console()
    console.print(table(found))
    for agreement in found:
        for what, names in (
            ("different number of hands", agreement.other_counts),
            ("pixels differ from the recorded ones", agreement.changed),
        ):
            if names:
                console.print(f"complexity {agreement.complexity}: {what}: {', '.join(names)}")
    return 0 if all(agreement.passed for agreement in found) else 1


if __name__ == "__main__":
    sys.exit(main())
