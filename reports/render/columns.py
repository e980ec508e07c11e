"""What every form of the report says about its columns: which runtime each backend is, and how many
of its outputs have LiteRT's own bits.
"""

from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.judge.report import BackendSummary, ParityReport

NOT_JUDGED = ("reference", "none")
EXECUTED = "coreml-mil"  # backends of this name run a package without Apple's runtime


def columns(report: ParityReport) -> dict[str, str]:
    """Each judged backend's name and what it is in one line, in the report's order, after LiteRT's
    own.
    """
    backends = [backend for model in report.models for backend in model.backends]
    first = [backend for backend in backends if backend.name == TFLITE]
    judged = [backend for backend in backends if backend.judge not in NOT_JUDGED]
    return {backend.name: _what(backend) for backend in (*first, *judged)}


def litert_bits(report: ParityReport) -> dict[str, tuple[int, int]]:
    """For each backend that the floor judges, over all models: how many outputs equal LiteRT's in
    every bit, and how many were compared. Those with the most come first.
    """
    sums: dict[str, tuple[int, int]] = {}
    for model in report.models:
        for backend in model.backends:
            if backend.litert_bits is not None:
                equal, compared = sums.get(backend.name, (0, 0))
                own = backend.litert_bits
                sums[backend.name] = (equal + own[0], compared + own[1])
    return dict(sorted(sums.items(), key=lambda entry: -entry[1][0]))


def litert_bits_line(report: ParityReport) -> str | None:
    """`LiteRT's bits: executorch 24 of 24 outputs, torch 3 of 24`; None if nothing was compared."""
    counts = litert_bits(report)
    if not counts:
        return None
    parts = [f"{name} {equal} of {compared}" for name, (equal, compared) in counts.items()]
    return "LiteRT's bits: " + ", ".join((f"{parts[0]} outputs", *parts[1:]))


def _what(backend: BackendSummary) -> str:
    executed = backend.name.startswith(EXECUTED)
    return f"{backend.label}, not by Apple's runtime" if executed else backend.label
