"""`blazepalm ios`: the iOS harness's results.

`ingest` reads a whole `results.json`, opens and counts the raw outputs again, and shows speed and
failures. `blazepalm parity --device` compares the outputs with every other backend.
"""

from typing import TYPE_CHECKING, Any

import typer
from msgspec import to_builtins

from blazepalm.cli import console
from blazepalm.cli.bench import AsJson, FixturesFolder, Results
from blazepalm.errors import CouldNotVerify

if TYPE_CHECKING:
    from blazepalm.reports.device.ingest import DeviceResults

ios = typer.Typer(no_args_is_help=True, help="Read the iOS harness's results.")


@ios.callback()
def _ios() -> None:
    """Read the iOS harness's results."""


@ios.command("ingest")
def ingest_results(path: Results, fixtures: FixturesFolder = None, as_json: AsJson = False) -> None:
    """Read a results.json; exit code 1 if something failed or cannot be right."""
    from blazepalm.cli.device_tables import ingest_pieces, read_results
    from blazepalm.reports.device.ingest import recount

    results = read_results(path, fixtures)
    if not (results.outputs or results.problems or results.entry.bench):
        raise CouldNotVerify(f"{path}: nothing was measured")
    problems = (*results.problems, *recount(results))
    if as_json:
        console.emit_json(_values(results, problems))
    else:
        console.out(*ingest_pieces(results, problems))
    raise typer.Exit(1 if problems or results.entry.failures else 0)


def _values(results: "DeviceResults", problems: tuple[str, ...]) -> dict[str, Any]:
    return {
        "device": to_builtins(results.entry),
        "checked_against_fixtures": results.checked,
        "models": [
            {"name": m.name, "sha256": m.sha256, "precision": m.precision}
            for m in results.models.values()
        ],
        "outputs": [
            {
                "model": model,
                "case": case,
                "units": units,
                "tensor": tensor,
                "shape": list(output.shape),
                "backend": results.backend(units),
                "max_abs": output.max_abs,
            }
            for (model, case, units, tensor), output in results.outputs.items()
        ],
        "pipeline": to_builtins(results.pipeline),
        "problems": list(problems),
    }
