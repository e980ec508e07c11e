"""The parts of the parity report that are not judged row by row: what it was made with, layers,
accuracy, the self-test, devices.
"""

from typing import Annotated

from msgspec import Meta, Struct

from blazepalm.converter.tensor_map import Sha256
from blazepalm.reports.compare.meters import Count, Number
from blazepalm.reports.compare.rows import Status

FEW = 8  # entries that a `repr` shows


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the report; on reading, a field that it lacks is refused."""

    def __repr__(self) -> str:
        """Long fields are counted, not shown."""
        shown = (f"{name}={_short(getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(shown)})"


def _short(value: object) -> str:
    if isinstance(value, tuple | dict) and len(value) > FEW:
        return f"<{len(value)} entries>"
    if isinstance(value, tuple) and any(isinstance(item, Struct) for item in value):
        return f"<{len(value)} {type(value[0]).__name__}>"
    return repr(value)


class RunOptions(Part, frozen=True):
    """What parity was given: `noise` inputs of `seed`, the user's own `images`, whether Core ML
    packages were compared and how they were compressed; LiteRT's reference kernels and the
    generic module ran on every `reference_every`-th picture.
    """

    noise: Count
    seed: Count
    images: tuple[str, ...]
    coreml: bool
    compress: str | None
    reference_every: Annotated[int, Meta(ge=1)]


class GoldenName(Part, frozen=True):
    """Which golden set: its version, its manifest's SHA-256, its number of cases."""

    version: int
    sha256: Sha256
    cases: Count


class PhotoCredit(Part, frozen=True):
    """A photograph that was compared, by its case's `name`: whom to name, under which licence, and
    where it comes from; `caution`: what to mind when showing it, "" if nothing.
    """

    name: str
    credit: str
    licence: str
    url: str
    sha256: Sha256
    caution: str


class Machine(Part, frozen=True):
    """What `platform.system()` and `platform.machine()` say, and the processor's name ("" where the
    system does not tell): its kernels decide the last bits.
    """

    system: str
    machine: str
    processor: str


class ModelSeconds(Part, frozen=True):
    """Seconds that each backend of one model took."""

    model: str
    seconds: dict[str, float]


class Timing(Part, frozen=True):
    """All that differs between two runs. `resumed`: comparisons taken from an interrupted run;
    `started`: when, in UTC (`2026-01-31T12:00:00Z`); `commit`: that of the Git repository in which
    the command ran, None outside of one; `answers`: how often a network was asked, and `kept`: how
    often an earlier run's answer was taken from the user's cache folder. An older report has none
    of these.
    """

    seconds: float
    resumed: Count
    models: tuple[ModelSeconds, ...]
    started: str | None = None
    commit: str | None = None
    answers: Count | None = None
    kept: Count | None = None


class Counts(Part, frozen=True, rename={"passed": "pass"}):
    """Judged rows by status, and all of them."""

    fail: Count
    not_run: Count
    passed: Count
    rows: Count


class LayerError(Part, frozen=True):
    """Errors in multiples of the arithmetic's cost on that layer; None if not compared."""

    cumulative: Number
    local: Number
    status: Status


class Culprit(Part, frozen=True):
    """The first layer with a high local error, in all three vocabularies; `local` is None where it
    is not finite.
    """

    op: Count
    operator: str
    tensor: str
    module: str | None
    mil: str | None
    local: Number


class Layer(Part, frozen=True):
    """One operator of the file, its output `tensor`, the torch module and MIL value that compute
    it (None without a counterpart), and each backend's errors.
    """

    op: Count
    operator: str
    tensor: str
    shape: tuple[int, ...]
    module: str | None
    mil: str | None
    backends: dict[str, LayerError]


class Layers(Part, frozen=True):
    """One model's layers on one case, and each backend's culprit, if any; `unread`: the backends
    whose layers could not be read, and why (an older report has none).
    """

    case: str
    reference: str
    rows: tuple[Layer, ...]
    culprits: dict[str, Culprit | None]
    unread: dict[str, str] | None = None


class Accuracy(Part, frozen=True):
    """One backend of one pair of models against the rendered truth. Rates are None where their
    divisor would be 0; `joint_error` is in palm sizes.
    """

    pair: str
    backend: str
    images: Count
    hands: Count
    found: Count
    false: Count
    recall: Number
    precision: Number
    joint_error: Number
    handedness_accuracy: Number


class FaultOutcome(Part, frozen=True):
    """The result for one planted fault. `expected` and `found` name a stage or a torch call."""

    release: str
    fault: str
    caught: bool
    located: bool | None
    expected: str | None
    found: str | None
    message: str


class SelfTestResult(Part, frozen=True):
    """Faults planted, caught, and located; `alarms`: messages of the `false_alarms` over `seeds`
    runs of intact models.
    """

    passed: bool
    planted: Count
    caught: Count
    located: Count
    false_alarms: Count
    alarms: tuple[str, ...]
    seeds: Count
    faults: tuple[FaultOutcome, ...]


class Memory(Part, frozen=True):
    """Megabytes."""

    before: Number
    loaded: Number
    peak: Number


class Thermal(Part, frozen=True):
    """Thermal states, as iOS names them."""

    start: str
    end: str


class UnitShares(Part, frozen=True):
    """The share of operations preferred for each compute unit."""

    ane: Number
    gpu: Number
    cpu: Number


class DeviceBench(Part, frozen=True):
    """Speed of one model on some compute units; `samples` counts predictions."""

    model: str
    units: str
    p50_ms: Number
    p90_ms: Number
    p95_ms: Number
    p99_ms: Number
    first_ms: Number
    samples: Count
    memory_mb: Memory
    thermal: Thermal
    plan: UnitShares | None


class Device(Part, frozen=True):
    """A device and its speed. `channel`: how its results were obtained; `not_a_benchmark`: why its
    times do not count, if they do not.
    """

    name: str
    model: str
    os: str
    is_simulator: bool
    status: str
    channel: str
    not_a_benchmark: tuple[str, ...]
    bench: tuple[DeviceBench, ...]
    failures: tuple[str, ...]
