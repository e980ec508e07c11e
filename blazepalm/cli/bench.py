"""`blazepalm bench`: speed, here (`run`) and as a device measured it (`ingest`).

`run` measures ratios in one run, so that the machine's own speed does not count; its exit code
is 1 where a limit is not kept. `ingest` reads the benchmark of a `results.json` of the iOS harness.
"""

from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.errors import CouldNotVerify

if TYPE_CHECKING:
    from blazepalm.reports.bench.findings import Findings


class Bench(str, Enum):
    """Modules of `reports.bench`. Commands come first: what this process holds by then counts as
    theirs.
    """

    COMMANDS = "commands"
    EXECUTOR = "executor"
    PIPELINE = "pipeline"
    PARITY = "parity"


bench = typer.Typer(no_args_is_help=True, help="Speed: of commands here, of models on a device.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Results = Annotated[
    Path,
    typer.Argument(metavar="RESULTS", help="The harness's results.json, or its folder."),
]
FixturesFolder = Annotated[
    Path | None,
    typer.Option(
        "--fixtures",
        metavar="DIR",
        help="The fixtures that the device was given: results of others are refused.",
        show_default=False,
    ),
]


@bench.command("run")
def run_bench(
    what: Annotated[
        list[Bench] | None,
        typer.Argument(metavar="[WHAT]...", help="Of commands, executor, pipeline, parity; all."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Rounds of all but parity; figures are medians."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time commands, the Core ML executor, the hand pipeline, and parity."""
    values: dict[str, object] = {}
    passed = True
    for name in [name for name in Bench if name in (what or Bench)]:
        with console.working(f"timing {name.value}"):
            run = import_module(f"blazepalm.reports.bench.{name.value}").run
            found: Findings = run(rounds)
        values.update(found.values)
        passed &= found.passed
        if not as_json:
            console.out(found.shown)
    if as_json:
        console.emit_json(values)
    raise typer.Exit(0 if passed else 1)


@bench.command("ingest")
def ingest_bench(path: Results, fixtures: FixturesFolder = None, as_json: AsJson = False) -> None:
    """Show what a device measured; exit code 1 where something of it cannot be right."""
    from blazepalm.cli.device_tables import bench_pieces, read_results

    results = read_results(path, fixtures)
    if not results.entry["bench"]:
        raise CouldNotVerify(f"{path}: no benchmark was measured")
    if as_json:
        console.emit_json({"device": results.entry, "problems": list(results.problems)})
    else:
        console.out(*bench_pieces(results))
    raise typer.Exit(1 if results.problems or results.entry["failures"] else 0)
