"""The iOS harness's `results.json` (`blazepalm report schema ios-results`). Fields that
a newer harness adds are ignored.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from blazepalm.converter.tensor_map import Sha256
from blazepalm.reports.compare.meters import Count, Number

MAX_SIZE = 1 << 28  # elements of a tensor, and each of its dimensions
UNITS = ("cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine", "all")

Size = Annotated[int, Meta(ge=0, le=MAX_SIZE)]
Text = Annotated[str, Meta(min_length=1)]
Units = Annotated[str, Meta(pattern=f"^({'|'.join(UNITS)})$")]
Milliseconds = Annotated[float, Meta(ge=0)] | None


class Run(Struct, frozen=True):
    """Which run. `configuration`: `Release` or `Debug`; `channel`: device, simulator, farm or
    replay.
    """

    id: str
    started_at: str
    commit: str
    configuration: str
    config_sha256: str
    channel: str


class Hardware(Struct, frozen=True):
    """The device."""

    model: Text
    is_simulator: bool
    os_version: str
    os_build: str
    ram_bytes: Count
    low_power: bool
    compute_devices: tuple[str, ...]


class FixturesName(Struct, frozen=True):
    """The fixtures that the device had."""

    manifest_sha256: Sha256


class Port(Struct, frozen=True):
    """An input or output as it was seen; strides in values."""

    name: str
    dtype: str
    shape: tuple[Size, ...]
    strides: tuple[int, ...]


class LoadedModel(Struct, frozen=True):
    """A model that was loaded; `sha256` is the package's in the fixtures' manifest."""

    name: Text
    file: str
    sha256: Sha256
    precision: str
    io: tuple[Port, ...]

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes seen at run time."""
        return {port.name: port.shape for port in self.io}


class OutputRow(Struct, frozen=True):
    """One output of one model for one case; `max_abs` and `nan_count` are the device's figures."""

    model: str
    case: str
    units: Units
    tensor: str
    n: Size
    max_abs: Number
    nan_count: Count
    raw_file: str


class PictureRow(Struct, frozen=True):
    """The hands of one picture, as the device counted them."""

    case: str
    units: Units
    expected: Count
    found: Count
    box_iou_min: Number
    landmark_error_max: Number


class Load(Struct, frozen=True):
    """Milliseconds to compile and load a model."""

    compile_ms: Milliseconds
    cold_ms: Milliseconds
    warm_ms: tuple[float, ...]


class Bytes(Struct, frozen=True):
    """Memory in bytes."""

    before: Count
    loaded: Count
    peak: Count


class ThermalEvent(Struct, frozen=True):
    """A change of the thermal state."""

    at_s: float
    state: str


class ThermalStates(Struct, frozen=True):
    """The thermal state at the start and the end, and its changes."""

    start: str
    end: str
    events: tuple[ThermalEvent, ...]


class Plan(Struct, frozen=True):
    """The share of operations preferred for each unit."""

    ane: float
    gpu: float
    cpu: float


class BenchRow(Struct, frozen=True):
    """The speed of one model on some compute units."""

    model: str
    units: Units
    warmup: Count
    samples_ns: tuple[Count, ...]
    p50_ms: Milliseconds
    p90_ms: Milliseconds
    p95_ms: Milliseconds
    p99_ms: Milliseconds
    first_ms: Milliseconds
    load: Load
    memory: Bytes
    thermal: ThermalStates
    plan: Plan | None


class DeviceFailure(Struct, frozen=True):
    """What went wrong; `model` and `units` may be empty."""

    stage: str
    model: str
    units: str
    message: str


class HarnessResults(Struct, frozen=True):
    """The whole file; `status` is partial if the run was cut off."""

    schema: Literal["blazepalm-ios-results/1"]
    run: Run
    device: Hardware
    fixtures: FixturesName
    models: tuple[LoadedModel, ...]
    parity: tuple[OutputRow, ...]
    pipeline: tuple[PictureRow, ...]
    bench: tuple[BenchRow, ...]
    failures: tuple[DeviceFailure, ...]
    status: Literal["complete", "partial"]
