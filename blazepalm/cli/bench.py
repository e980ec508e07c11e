"""`blazepalm bench`: speed, here (`run`) and as a device measured it (`ingest`).

`run` times whole commands as ratios to importing torch; its exit code is 1 where a limit is
not kept. `ingest` reads the benchmark of a `results.json` of the iOS harness.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from blazepalm.cli import console
from blazepalm.errors import CouldNotVerify

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
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; figures are medians.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Time whole commands, as ratios to importing torch."""
    from blazepalm.reports.bench.network import bench as measure
    from blazepalm.reports.bench.network import table

    with console.working(f"{rounds} rounds of every command"):
        baseline, results = measure(rounds)
    if as_json:
        commands = [{**asdict(result), "passed": result.passed} for result in results]
        values = {"rounds": rounds, "import_torch": asdict(baseline), "commands": commands}
        console.emit_json(values)
    else:
        console.out(table(baseline, results))
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


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
