"""`blazepalm parity FILE_OR_RELEASE…`: the verdict as tables, as JSON, and as a folder of reports.

Results go to stdout, progress to stderr. Exit code: 0 parity holds, 1 it fails, 2 a source or an
option is bad, 3 parity could not be verified; the highest that applies.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import click
import typer

from blazepalm.cli import console
from blazepalm.cli.choices import check_choice
from blazepalm.cli.golden_rendering import known_photos, rendering
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    model_names,
    overrides_of,
)
from blazepalm.converter.coreml.options import COMPRESSIONS, CoreMLOptions
from blazepalm.errors import InvalidInput
from blazepalm.reports.judge import policy
from blazepalm.text import printable

FIXTURES = Path("ios_harness/App/Fixtures")


def parity(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            autocompletion=model_names,
            help="A .tflite file, a .task bundle, or a release's name or alias (palm-full).",
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate",
            metavar="MODEL",
            help="Somebody else's conversion (.mlpackage, .onnx, .tflite, converted folder) to "
            "compare with --against; repeatable.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="FILE_OR_RELEASE",
            help="The model that the candidates are conversions of.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for parity.json, HTML, JUnit, Markdown and raw outputs.",
            show_default=False,
        ),
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The golden set; rendered there if missing.",
            show_default="in the user's cache",
        ),
    ] = None,
    no_golden: Annotated[
        bool, typer.Option("--no-golden", help="Leave out the golden images and photographs.")
    ] = False,
    no_photos: Annotated[
        bool,
        typer.Option("--no-photos", help="Leave out the photographs (blazepalm golden photos)."),
    ] = False,
    images: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Your own pictures, folders, globs, videos; repeatable."),
    ] = None,
    device: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESULTS", help="The iOS harness's results.json; repeatable."),
    ] = None,
    fixtures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The fixtures given to the device (golden export-ios).",
            show_default=str(FIXTURES),
        ),
    ] = None,
    inputs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Seeded random inputs in addition to the images.",
            show_default=f"{policy.NOISE_INPUTS}; without images {policy.INPUTS}",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random inputs.")] = policy.SEED,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Work in this many processes; results do not change.",
            show_default="one thread per processor; on Ray, all of the cluster's",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="`local`, or `ray` for a Ray cluster.", metavar="NAME")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="Address of the Ray cluster.", show_default="a local one"),
    ] = None,
    no_coreml: Annotated[
        bool, typer.Option("--no-coreml", help="Leave out the Core ML packages.")
    ] = False,
    compress: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help=f"Compress the float16 packages, to see the cost: {', '.join(COMPRESSIONS)}.",
        ),
    ] = None,
    backends: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            help="Also run a backend that costs much: executorch; coreai-mil, coreai-mil-fp16, "
            "coreai-mil-app and coreai-mil-app-fp32 (the saved packages on Apple's Core AI "
            "kernels, on a CPU); coreai (the module there, without Core ML); "
            "coreml-mil-fp16-coreai (its sums, by blazepalm); "
            "coreml-mil-fp16-bound (float16 sums); or `installed`: every one of these runtimes "
            "that is installed; repeatable.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Compare every layer; name the first that diverges.")
    ] = False,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Plant faults; every one must be caught and located."),
    ] = False,
    every_kernel: Annotated[
        bool,
        typer.Option(
            "--every-kernel",
            help="Run LiteRT's reference kernels, the generic module and what --backend names on "
            f"every picture, not just every {policy.REFERENCE_EVERY}th (Core AI: every "
            f"{policy.REFERENCE_EVERY * policy.RARELY}th); with --layers also Core AI's layers.",
        ),
    ] = False,
    no_raw: Annotated[
        bool, typer.Option("--no-raw", help="Keep no raw outputs beside the report.")
    ] = False,
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache",
            help="Render and compute everything anew, and keep nothing for the next run.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write the report into a folder of other files.")
    ] = False,
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare PyTorch modules and Core ML packages with LiteRT and a float64 oracle."""
    from blazepalm.reports.backends.executorch import hush_executorch
    from blazepalm.reports.backends.litert import hush_litert
    from blazepalm.reports.backends.names import EXECUTORCH, INSTALLED
    from blazepalm.reports.backends.registry import asked_for, not_installed
    from blazepalm.reports.parity import parity as compare
    from blazepalm.reports.parity_options import Options, input_cases
    from blazepalm.reports.render.terminal import print_report
    from blazepalm.reports.report_folder import save_report, writing

    sources = _sources(sources or [], candidates or [], against)
    check_choice("--engine", engine, ("local", "ray"))
    CoreMLOptions(compress=compress)
    overrides = overrides_of(outputs, generation, value_range)
    if output is not None:
        click.get_current_context().with_resource(writing(output, force))
    hush_litert()
    if INSTALLED in (backends or ()):
        for reason in not_installed():
            console.note(reason)
    asked = asked_for(backends or ())
    if EXECUTORCH in asked:
        hush_executorch()
    with (
        console.progress() as on_step,
        rendering(golden, on_step, not no_golden, cache=not no_cache) as rendered,
    ):
        options = Options(
            photos=() if no_golden or no_photos else known_photos(),
            images=tuple(images or ()),
            noise=inputs,
            seed=seed,
            workers=jobs,
            engine="ray" if engine == "ray" else "processes" if jobs else "threads",
            address=address,
            folder=output,
            raw=not no_raw,
            coreml=not no_coreml,
            compress=compress,
            overrides=overrides,
            backends=asked,
            candidates=tuple(candidates or ()),
            layers=layers,
            self_test=self_test,
            reference_every=1 if every_kernel else policy.REFERENCE_EVERY,
            cache=not no_cache,
        )
        report = compare(
            *sources,
            keep_going=True,
            golden_from=rendered,
            notice=console.note,
            on_step=on_step,
            **vars(options),
        )
        if rendered is not None and report.models:
            options = replace(options, golden=rendered())
    for results in device or ():
        from blazepalm.reports.device.join import with_device

        report = with_device(report, results, fixtures or FIXTURES)
    if as_json:
        console.emit_json(report.to_dict())
        for failure in report.failures:
            console.error(failure.message)
    else:
        print_report(report, console.stdout_console())
    if resumed := report.timing.resumed:
        console.note(f"resumed an interrupted run with {resumed} comparisons done")
    if kept := report.timing.kept:
        console.note(
            f"{kept} of {report.timing.answers} network outputs were computed by an earlier run of "
            "this code on the same inputs; --no-cache computes all"
        )
    if output is not None:
        for path in save_report(report, output, input_cases(options), cache=not no_cache):
            line = f"report: {path}"
            if as_json:
                console.note(line)
            else:
                console.out(printable(line))
    raise typer.Exit(report.exit_code)


def _sources(sources: list[str], candidates: list[str], against: str | None) -> list[str]:
    """The models to compare: the ones given, or the one that candidates are compared with."""
    if candidates:
        if sources:
            raise InvalidInput(f"{sources[0]}: with --candidate, name the model by --against")
        if against is None:
            raise InvalidInput(
                "--candidate needs --against: the release or .tflite that it is a conversion of"
            )
        return [against]
    if against is not None:
        raise InvalidInput("--against needs --candidate, a conversion to compare with it")
    if not sources:
        raise InvalidInput("name a .tflite file, a bundle or a release, or give --candidate")
    return sources
