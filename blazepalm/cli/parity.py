"""`blazepalm parity FILE_OR_RELEASE…`: the verdict as tables, as JSON, and as a folder of reports.

Results go to stdout, progress to stderr. Exit code: 0 parity holds, 1 it fails, 2 a source or an
option is bad, 3 parity could not be verified; the highest that applies.
"""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.atomic import atomic_file
from blazepalm.cli import console
from blazepalm.cli.choices import check_choice
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    overrides_of,
)
from blazepalm.converter.coreml.options import COMPRESSIONS, CoreMLOptions
from blazepalm.reports.judge import policy
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.reports.judge.report import ParityReport

FIXTURES = Path("ios_harness/App/Fixtures")
REPORT, PAGE = "parity.json", "parity.html"


def parity(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            help="A .tflite file, a .task bundle, or a release's name or alias (palm-full).",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=f"Folder for {REPORT}, HTML, JUnit, Markdown and raw outputs.",
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
        bool, typer.Option("--no-golden", help="Leave out the golden images.")
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
            help="Also run a backend that costs much: executorch; coreai-mil and coreai-mil-fp16 "
            "(the saved packages on Apple's Core AI kernels, on a CPU); coreml-mil-fp16-coreai "
            "(its sums, by blazepalm); coreml-mil-fp16-bound (float16 sums); repeatable.",
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
            f"every picture, not just every {policy.REFERENCE_EVERY}th.",
        ),
    ] = False,
    no_raw: Annotated[
        bool, typer.Option("--no-raw", help="Keep no raw outputs beside the report.")
    ] = False,
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare PyTorch modules and Core ML packages with LiteRT and a float64 oracle."""
    from blazepalm.reports.backends.litert import hush_litert
    from blazepalm.reports.judge.report import as_stored
    from blazepalm.reports.parity import Options, input_cases
    from blazepalm.reports.parity import parity as compare
    from blazepalm.reports.render.terminal import print_report
    from blazepalm.reports.render.thumbnails import write_thumbnails
    from blazepalm.reports.report_folder import check_report, owned_images

    check_choice("--engine", engine, ("local", "ray"))
    CoreMLOptions(compress=compress)
    overrides = overrides_of(outputs, generation, value_range)
    if output is not None:
        check_report(output)
    hush_litert()
    with console.progress() as on_step, rendering(golden, on_step, not no_golden) as rendered:
        options = Options(
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
            backends=tuple(backends or ()),
            layers=layers,
            self_test=self_test,
            reference_every=1 if every_kernel else policy.REFERENCE_EVERY,
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
    if output is not None and report.models:
        before = owned_images(output) or ()
        stored = write_thumbnails(as_stored(report), input_cases(options), output, before)
        for path in write_reports(stored, output):
            line = f"report: {path}"
            if as_json:
                console.note(line)
            else:
                console.out(printable(line))
    raise typer.Exit(report.exit_code)


@contextmanager
def rendering(
    folder: Path | None, on_step: console.OnStep, wanted: bool
) -> "Iterator[Callable[[], GoldenSet] | None]":
    """Renders the golden set in `folder` (None: the user's cache) in the background if it is
    missing; yields a function that waits for it, or None. Leaving the block stops the rendering.
    """
    from blazepalm.golden.cases import GOLDEN_VERSION
    from blazepalm.golden.make import make_golden
    from blazepalm.golden.manifest import MANIFEST, load_golden
    from blazepalm.models.releases import cache_folder

    if not wanted:
        yield None
        return
    if folder is not None and (folder / MANIFEST).is_file():
        golden = load_golden(folder)
        yield lambda: golden
        return
    place = folder or cache_folder().parent / f"golden-{GOLDEN_VERSION}"
    left = threading.Event()

    def on_case(name: str, done: int, total: int) -> None:
        if left.is_set():
            raise CancelledError
        on_step("rendering", done, total)

    with ThreadPoolExecutor(1) as background:
        rendered = background.submit(make_golden, place, on_case=on_case)
        try:
            yield rendered.result
        finally:
            left.set()


def write_reports(report: "ParityReport", folder: Path) -> list[Path]:
    """Writes the report and everything rendered from it, each file whole or not at all, replacing
    older ones; returns the paths.
    """
    from blazepalm.reports.render import model_explorer
    from blazepalm.reports.render.html import write_html
    from blazepalm.reports.render.junit import junit
    from blazepalm.reports.render.markdown import markdown

    texts = {
        REPORT: json.dumps(report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "junit.xml": junit(report),
        "parity.md": markdown(report),
    }
    for name, data in model_explorer.node_data(report).items():
        texts[f"explorer/{name}"] = model_explorer.dumps(data)
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            # a hostile name may hold a lone surrogate, which UTF-8 cannot encode
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    write_html(report, folder / PAGE, folder)
    return [folder / PAGE, *(folder / name for name in texts)]
