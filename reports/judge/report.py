"""The parity report as data: what was compared, with what, and the verdict.

One tree of frozen structs, in memory and in `parity.json` (`to_dict`, and
`reports.stored.read.read_report` back; `blazepalm report schema parity`), from which
everything else is rendered. A report is true if it `passed`. Two runs on one machine give the
same report except for `timing`.
"""

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from msgspec import Meta, convert, to_builtins
from msgspec.structs import replace

from blazepalm.converter.tensor_map import Sha256, TensorMapRow
from blazepalm.errors import check_path, in_python
from blazepalm.reports.compare.hands import Listed, ListedTruth
from blazepalm.reports.compare.meters import Count, Number, Range
from blazepalm.reports.compare.rows import FAIL, NOT_RUN, PASS, Row, Status
from blazepalm.reports.judge.headline import Headline, headline
from blazepalm.reports.judge.judge import exit_code
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report_parts import (
    Accuracy,
    Counts,
    Device,
    GoldenName,
    Layers,
    Machine,
    Part,
    PhotoCredit,
    RunOptions,
    SelfTestResult,
    Timing,
)
from blazepalm.reports.judge.tightest import Tightest, tightest
from blazepalm.reports.subjects.compression import Compression
from blazepalm.shown import Collected, Shown
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

FORMAT = "blazepalm-parity"
FORMAT_VERSION = 3

# a note of a model with hands or palms to find, where no rendered picture was compared
TRUTH_UNCHECKED = "the rendered truth was not checked: no golden picture was compared"


class BackendSummary(Part, frozen=True):
    """One backend of one model. `label` describes it, `precision` is what it computes in;
    `judge`: `reference`, `floor`, `task` or `none`; `artifact_sha256`: of the package or program
    that it ran, if any. `worst_multiple`: its largest error in floors over the outputs.
    `litert_bits`: how many outputs equal LiteRT's in every bit, and how many were compared, over
    all inputs; None for what the floor does not judge. It is reported, not judged: another
    processor may round otherwise.
    """

    name: str
    label: str
    precision: str
    judge: str
    artifact_sha256: Sha256 | None
    status: Status
    worst_multiple: Number
    litert_bits: tuple[Count, Count] | None
    first_divergence: str | None
    reasons: tuple[str, ...]


class OutputFacts(Part, frozen=True):
    """One output of the file: the oracle's `range`, and what float32 costs (`floor`, with the
    largest error of each kernel set, of torch's generic module, and half a float32 spacing).
    """

    name: str
    field: str
    range: Range
    floor: float
    floor_of: dict[str, Number]


class ModelParity(Part, frozen=True):
    """One model's facts and backends; its rows are in the report's `rows`. `release` is None for
    an unknown file, `family` for a graph of no recognised family; `value_range_from` names the
    source of the range; `inputs` counts the inputs, `inputs_sha256` hashes all of them.
    `coverage`: rows compared, of rows that there are. `useless`: all backends agree, but the file
    itself fails against the rendered truth. `tensor_map`: where every weight went (see
    `conversion.json`). `layers`: None without `--layers`. `alike`: a known release some of whose
    weights an unknown file has. `compression`: what `convert --quantize` measured for its folder.
    """

    name: str
    source: str
    release: str | None
    family: str | None
    sha256: Sha256
    size: Count
    input_shape: tuple[int, ...]
    value_range: tuple[float, float]
    value_range_from: str
    inputs: Count
    inputs_sha256: str
    notes: tuple[str, ...]
    backends: tuple[BackendSummary, ...]
    outputs: tuple[OutputFacts, ...]
    coverage: tuple[int, int]
    passed: bool
    useless: bool
    tensor_map: tuple[TensorMapRow, ...]
    layers: Layers | None
    alike: str | None = None
    compression: Compression | None = None


class CaseResult(Part, frozen=True):
    """One input image. `values[i]` is what the report's `rows[i]` measured on it, None if
    nothing; `hands[pair][backend]` are the hands that a backend found; `truth`: those of a rendered
    image. `image` is a file beside the report, or None.
    """

    name: str
    kind: str
    width: Count
    height: Count
    sha256: Sha256
    image: str | None
    truth: tuple[ListedTruth, ...] | None
    hands: Listed
    values: tuple[Number, ...]


class Failure(Part, frozen=True):
    """A source without a verdict: bad input (exit code 2), or not verifiable here (3)."""

    source: str
    message: str
    exit_code: Annotated[int, Meta(ge=1, le=3)]


class ParityReport(Shown, Part, frozen=True, kw_only=True):
    """The verdict over all sources: it passes only if there is a model and all of them pass.

    `exit_code`: 0 passed, 1 parity fails, 2 bad input, 3 could not verify. `cases` are at most
    `policy.MAX_CASES`, worst first beyond that; `cases_total` counts all. `golden` names the
    golden set; `photos`: all photographs among the cases. `accuracy`: error against the rendered
    truth, one entry per pair and backend; photographs have no truth and do not count there.
    `device`: the ingested results; `verdict`: in a few words. What follows from other fields
    (`passed`, `exit_code`, `verdict`, `counts`, `default_limits`, `tightest`) is set by
    `concluded`; in a report that was read it is what the file says, which `report recheck`
    compares. `tightest`: what is worst, None if nothing was judged or in an older report.
    """

    format: Literal["blazepalm-parity"] = "blazepalm-parity"
    version: Literal[3] = 3
    passed: bool
    exit_code: Annotated[int, Meta(ge=0, le=3)]
    verdict: Headline
    counts: Counts
    options: RunOptions
    limits: Limits
    default_limits: bool
    golden: GoldenName | None
    photos: tuple[PhotoCredit, ...]
    tools: dict[str, str]
    machine: Machine
    models: tuple[ModelParity, ...]
    rows: tuple[Row, ...]
    cases: tuple[CaseResult, ...]
    cases_total: Count
    accuracy: tuple[Accuracy, ...]
    self_test: SelfTestResult | None
    device: tuple[Device, ...]
    failures: tuple[Failure, ...]
    timing: Timing
    tightest: Tightest | None = None

    def __bool__(self) -> bool:
        return self.passed

    def in_short(self) -> str:
        """The verdict, and how much was compared."""
        names = ", ".join(printable(model.name) for model in self.models) or "no model"
        counts = self.counts
        return (
            f"{self.verdict}: {names}; {counts.passed} of {counts.rows} comparisons pass on "
            f"{self.cases_total} inputs"
        )

    def pieces(self, width: int) -> "list[RenderableType]":
        """The tables that the command line prints."""
        terminal = import_module("blazepalm.reports.render.terminal")  # floors up: only if called
        collected = Collected(width)
        terminal.print_report(self, collected)
        return collected.kept

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Writes `parity.json`, `parity.html`, `junit.xml`, `parity.md` and layer data for Model
        Explorer into a folder, replacing an older report there; returns the paths. Pictures and raw
        outputs are kept only by a run with `output=`. Raises ArtifactError if the folder cannot be
        written, or holds other files and no report; with `force` it is written beside those.
        """
        check_path(folder, "a folder's name")
        writer = import_module("blazepalm.reports.report_folder")  # floors up: only if called
        with in_python():
            writer.check_report(Path(folder), force)
            return cast("list[Path]", writer.save_report(self, Path(folder)))

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; NaN and infinity become null."""
        values: dict[str, Any] = plain(self)
        return values


def concluded(report: ParityReport, **changes: Any) -> ParityReport:
    """The report with `changes`, and the verdict that follows from them."""
    report = replace(report, **changes)
    judged = [row for row in report.rows if row.judged]
    failed = any(row.status == FAIL for row in judged)
    tested = report.self_test is None or report.self_test.passed
    failures = [failure.exit_code for failure in report.failures]
    code = exit_code([model.passed for model in report.models], failed, tested, failures)
    told = [(model.passed, model.useless) for model in report.models]
    return replace(
        report,
        passed=code == 0,
        exit_code=code,
        verdict=headline(told, failed=failed, tested=tested, failures=failures),
        counts=_counts(judged),
        default_limits=report.limits == LIMITS,
        tightest=tightest(report.rows, report.models),
    )


def as_stored(report: ParityReport) -> ParityReport:
    """The report as it reads back from its file: what is not finite is None."""
    return convert(report.to_dict(), ParityReport)


def plain(value: Any) -> Any:
    """Recursively turns structs and dataclasses into dicts, tuples into lists, and non-finite
    numbers into None.
    """
    return _finite(to_builtins(value, str_keys=True))


def _counts(judged: Sequence[Row]) -> Counts:
    fail, not_run, passed = (sum(r.status == s for r in judged) for s in (FAIL, NOT_RUN, PASS))
    return Counts(fail, not_run, passed, len(judged))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
