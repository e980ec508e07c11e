"""`blazepalm report`: works on parity reports without running any model again.

`diff` compares two, `recheck` judges one by other limits (and with `--raw` computes its
differences again from the raw outputs beside it), `render` writes other formats, `schema` prints
the JSON Schema of a file. Torch is not imported. Exit codes: 0; 1 a new failure, a failing report
or differing numbers; 2 bad input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.atomic import check_alone, check_file, check_into
from blazepalm.cli import console
from blazepalm.cli.report_recheck import AsJson, Report, recheck_report, report_file, write_text
from blazepalm.errors import ArtifactError
from blazepalm.reports.schemas import SCHEMAS, json_schema
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.reports.judge.report import ParityReport

report = typer.Typer(no_args_is_help=True, help="Compare, recheck or render parity reports.")


@report.command("diff")
def diff_reports(
    before: Annotated[Path, typer.Argument(metavar="A", help="A report, or its folder.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The report to compare with A.")],
    factor: Annotated[
        float, typer.Option(min=1.0, help="Values within this factor are the same.")
    ] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Compare two reports; exit code 1 if something fails in B but not in A."""
    from blazepalm.cli.report_tables import diff_pieces
    from blazepalm.reports.stored.diff import diff
    from blazepalm.reports.stored.read import read_report

    found = diff(read_report(before), read_report(after), factor=factor)
    if as_json:
        console.emit_json(found.to_dict())
    else:
        console.out(*diff_pieces(found))
    raise typer.Exit(1 if found.worse else 0)


report.command("recheck")(recheck_report)


@report.command("render")
def render_report(
    path: Report,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="One self-contained page.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="JUnit XML, for CI.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Markdown for pull requests.")
    ] = None,
    explorer: Annotated[
        Path | None,
        typer.Option("--explorer", metavar="DIR", help="Node data for Model Explorer."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder that parity wrote, for the page's pictures if the report was moved.",
            show_default="the report's folder",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace files; write into a folder of others (--explorer)."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a report's other formats from its JSON."""
    from blazepalm.reports.judge.local_paths import without_local_paths
    from blazepalm.reports.stored.read import read_report

    files = ((html, ".html"), (junit, ".xml"), (markdown, ".md"))
    if explorer is None and not any(target for target, _ in files):
        raise typer.BadParameter("give --html, --junit, --markdown or --explorer")
    for target, suffix in files:
        if target is not None:
            check_file(
                target,
                option="file",
                force=force,
                formats=(suffix,),
                what="these",
                inputs=[report_file(path)],
            )
    if explorer is not None:
        check_into(explorer, explorer)
    stored = without_local_paths(read_report(path))
    nodes = {} if explorer is None else _nodes(stored, explorer, force, report_file(path))
    written: list[str] = []
    if html is not None:
        from blazepalm.reports.render.html import write_html
        from blazepalm.reports.render.html.pictures import missing_pictures

        place = pictures or report_file(path).parent
        write_html(stored, html, place)
        written.append(str(html))
        if missing := missing_pictures(stored, place):
            console.note(
                f"{missing} pictures of the report are not in {place}; name the folder that "
                "parity wrote with --pictures"
            )
    for target, text in ((junit, _junit), (markdown, _markdown)):
        if target is not None:
            written.append(write_text(target, text(stored), force))
    written += [write_text(target, text, force) for target, text in nodes.items()]
    if as_json:
        console.emit_json({"written": written})
    else:
        console.out(*(printable(f"written: {name}") for name in written))


@report.command("schema")
def report_schema(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"One of {', '.join(SCHEMAS)}.")
    ] = "parity",
    as_json: Annotated[bool, typer.Option("--json", help="As without it: JSON.")] = False,
) -> None:
    """Print the JSON Schema of a report, or of another file that blazepalm writes."""
    console.emit_json(json_schema(name))


def _junit(stored: "ParityReport") -> str:
    from blazepalm.reports.render.junit import junit

    return junit(stored)


def _markdown(stored: "ParityReport") -> str:
    from blazepalm.reports.render.markdown import markdown

    return markdown(stored)


def _nodes(stored: "ParityReport", folder: Path, force: bool, report: Path) -> dict[Path, str]:
    """The text of each file to write. Raises ArtifactError if one cannot be written."""
    from blazepalm.reports.render.model_explorer import dumps, node_data

    found = node_data(stored)
    if not found:
        raise ArtifactError("the report has no layers for Model Explorer; run parity --layers")
    for name in found:
        check_file(folder / name, option="--explorer", force=force, inputs=[report])
    check_alone(folder, found, force, "--explorer")
    return {folder / name: dumps(data) for name, data in found.items()}
