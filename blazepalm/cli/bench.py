"""`blazepalm bench`: speed on this machine (`run`) and as measured on a device (`ingest`).

`run` measures ratios within one run, so that the machine's own speed cancels out; its exit code
is 1 if a limit is exceeded. `forms` times what `blazepalm.fast` chooses from, beside LiteRT.
`precision` measures where float32 pays in a float16 package, `growth` what more pictures and
processes cost parity. `ingest` reads the benchmark in the iOS harness's `results.json`.
"""

from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from blazepalm.cli import console
from blazepalm.errors import CouldNotVerify

if TYPE_CHECKING:
    from blazepalm.reports.bench.findings import Findings


class Bench(str, Enum):
    """Modules of `reports.bench`. Commands come first, because Linux counts this process's memory
    at the fork as theirs.
    """

    COMMANDS = "commands"
    EXECUTOR = "executor"
    PIPELINE = "pipeline"
    DETECT = "detect"
    PARITY = "parity"


bench = typer.Typer(no_args_is_help=True, help="Measure speed here; read a device's benchmarks.")

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
        help="The fixtures given to the device; results made with others are refused.",
        show_default=False,
    ),
]


@bench.command("run")
def run_bench(
    what: Annotated[
        list[Bench] | None,
        typer.Argument(
            metavar="[WHAT]...", help="commands, executor, pipeline, detect, parity; all."
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Rounds for all but parity; figures are medians."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time commands, the Core ML executor, the hand pipeline, detect, and parity."""
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


@bench.command("forms")
def forms_bench(
    models: Annotated[
        list[str],
        typer.Argument(metavar="FILE_OR_RELEASE...", help="Palm detectors and landmark models."),
    ],
    batches: Annotated[
        list[int] | None,
        typer.Option("--batch", min=1, max=1024, help="Images at a time.", show_default="1, 32"),
    ] = None,
    threads: Annotated[
        list[int] | None,
        typer.Option("--threads", min=1, max=64, help="Threads.", show_default="1, 2"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rounds; figures are medians.")] = 7,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table in Markdown.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time every form that `blazepalm.fast` chooses from, beside LiteRT.

    --batch and --threads can be repeated. Floors are a form's largest error, in units of what
    float32 costs in the plain module.
    """
    from blazepalm.reports.bench import form_table

    with console.working(f"timing the forms of {' and '.join(models)}"):
        table = form_table.bench_forms(
            models, batches or form_table.BATCHES, threads or form_table.THREADS, rounds
        )
    for line in table.unavailable:
        console.note(line)
    if as_json:
        console.emit_json(form_table.values_of(table))
    elif markdown:
        console.out(form_table.markdown(table))
    else:
        console.out(form_table.shown(table))


@bench.command("precision")
def precision_bench(
    source: Annotated[
        str, typer.Argument(metavar="FILE_OR_RELEASE", help="A landmark model or a detector.")
    ],
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="PICTURE...", help="Pictures, folders or videos of hands."),
    ],
    as_json: AsJson = False,
) -> None:
    """Measure what float32 in some blocks of a float16 package costs, and what it gains.

    Errors are the largest of each hand's 21 landmarks, in pixels of the model's input, or of a
    detector 1 − IoU of each picture's worst palm; weights are what float32 adds to the float16
    package's.
    """
    from blazepalm.reports.bench.precision import bench_precision, shown

    with console.working("measuring float16"):
        choices = bench_precision(source, pictures)
    if as_json:
        console.emit_json([to_builtins(choice) for choice in choices])
    else:
        console.out(shown(choices))


@bench.command("growth")
def growth_bench(
    pictures: Annotated[
        list[int] | None,
        typer.Option(
            "--pictures",
            min=1,
            help="Numbers of pictures for one process; repeatable. Several processes, and Ray's "
            "nodes where it is installed, always share 100.",
            show_default="1, 10, 100 and 1000",
        ),
    ] = None,
    tally: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON of earlier runs, which are not run again; new ones are added.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="Write the table into this page, between its marks."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how parity's time, memory and report grow with pictures, processes, Ray's nodes."""
    from blazepalm.reports.bench import growth, growth_table

    with console.progress() as on_step:
        found = growth.measure_growth(
            tuple(pictures or growth.PICTURES),
            tally=tally,
            on_run=lambda done, total: on_step("measuring parity", done, total),
        )
    if into is not None:
        growth_table.write_into(into, growth_table.markdown(found))
    if as_json:
        console.emit_json(growth_table.values(found))
    else:
        console.out(growth_table.markdown(found))


@bench.command("ingest")
def ingest_bench(path: Results, fixtures: FixturesFolder = None, as_json: AsJson = False) -> None:
    """Show a device's benchmark; exit code 1 if a measurement failed or cannot be right."""
    from blazepalm.cli.device_tables import bench_pieces, read_results

    results = read_results(path, fixtures)
    if not results.entry.bench:
        raise CouldNotVerify(f"{path}: holds no benchmark")
    if as_json:
        console.emit_json(
            {"device": to_builtins(results.entry), "problems": list(results.problems)}
        )
    else:
        console.out(*bench_pieces(results))
    raise typer.Exit(1 if results.problems or results.entry.failures else 0)
