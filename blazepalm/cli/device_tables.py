"""Tables of `bench ingest` and `ios ingest`. They fit 80 columns; names are escaped."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from blazepalm.cli import console
from blazepalm.cli.tables import facts, plain_table
from blazepalm.reports.device.ingest import DeviceResults, ingest
from blazepalm.reports.fixtures.manifest import read_fixtures
from blazepalm.text import figure, printable

SHOWN = 40  # problems listed on a terminal; --json has all


def read_results(path: Path, fixtures: Path | None) -> DeviceResults:
    """Reads the results and compares their hashes with the fixtures; warns if there are none."""
    if fixtures is None:
        console.warn("hashes were not compared; give --fixtures to refuse results made with others")
    return ingest(path, None if fixtures is None else read_fixtures(fixtures))


def bench_pieces(results: DeviceResults) -> list[RenderableType]:
    """Facts about the device, and one line per model and compute units."""
    return [_facts(results), "", _bench_table(results), *_marks(results, results.problems)]


def ingest_pieces(results: DeviceResults, problems: Sequence[str]) -> list[RenderableType]:
    """The pieces of `bench_pieces`, and what the device compared."""
    pieces: list[RenderableType] = [_facts(results), "", _output_table(results)]
    if results.entry.bench:
        pieces += ["", _bench_table(results)]
    return [*pieces, *_marks(results, problems)]


def _bench_table(results: DeviceResults) -> Table:
    table = plain_table(
        "milliseconds", "model", "units", "p50", "p90", "p99", "first", "MB", "heat"
    )
    table.columns[0].overflow = "fold"
    for name in (1, 7):
        table.columns[name].justify = "left"
    for row in results.entry.bench:
        table.add_row(
            Text(printable(row.model)),
            row.units.removeprefix("cpuAnd"),
            *map(figure, (row.p50_ms, row.p90_ms, row.p99_ms, row.first_ms)),
            f"{row.memory_mb.peak:.0f}",
            Text(printable(row.thermal.end)),
        )
    return table


def _output_table(results: DeviceResults) -> Table:
    errors: dict[tuple[str, str], list[float]] = {}
    for (model, _, units, _), output in results.outputs.items():
        largest = math.inf if output.max_abs is None else output.max_abs
        errors.setdefault((model, units), []).append(largest)
    table = plain_table("raw outputs", "model", "units", "read", "largest error (device's)")
    table.columns[0].overflow = "fold"
    table.columns[1].justify = "left"
    for (model, units), found in errors.items():
        table.add_row(Text(printable(model)), units, str(len(found)), figure(max(found)))
    return table


def _facts(results: DeviceResults) -> RenderableType:
    entry = results.entry
    return facts(
        [
            ("device", printable(f"{entry.model}, {entry.os}")),
            ("run", printable(f"{entry.channel}, {entry.status}")),
            ("backends", ", ".join(results.backend(units) for units in results.units) or "–"),
        ]
    )


def _marks(results: DeviceResults, problems: Sequence[str]) -> list[RenderableType]:
    entry = results.entry
    lines: list[RenderableType] = [
        Text(printable(f"not a benchmark: {why}"), style="yellow") for why in entry.not_a_benchmark
    ]
    lines += [Text(printable(f"failed: {failure}"), style="red") for failure in entry.failures]
    lines += [Text(f"problem: {problem}", style="red") for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"… and {len(problems) - SHOWN} more (--json has all)")
    return lines
