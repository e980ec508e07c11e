"""`blazepalm report`: works on parity reports without running any model again.

`diff` compares two, `recheck` judges one by other limits (and with `--raw` computes its
differences again from the raw outputs beside it), `render` writes other formats, `schema` prints
the JSON Schema of a file. Torch is not imported. Exit codes: 0; 1 a new failure, a failing report
or differing numbers; 2 bad input.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins
from msgspec.structs import asdict, replace

from blazepalm.atomic import atomic_file, check_file, check_into
from blazepalm.cli import console
from blazepalm.errors import ArtifactError
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.schemas import SCHEMAS, json_schema
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.reports.judge.report import ParityReport
    from blazepalm.reports.stored.recheck import Rechecked
    from blazepalm.reports.stored.recheck_raw import RawCheck

report = typer.Typer(no_args_is_help=True, help="Compare, recheck or render parity reports.")

Report = Annotated[
    Path, typer.Argument(metavar="REPORT", help="A parity.json, or the folder that holds it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]
Limit = float | None


def _limit(name: str, what: str) -> Any:
    return typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{what} Default policy: {getattr(LIMITS, name):g}.",
        show_default="as stored",
    )


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


@report.command("recheck")
def recheck_report(
    path: Report,
    float32_multiple: Annotated[
        Limit, _limit("float32_multiple", "float32's largest error, in floors.")
    ] = None,
    iou: Annotated[Limit, _limit("iou", "float16's smallest IoU of a detection.")] = None,
    landmarks_mean_px: Annotated[
        Limit, _limit("landmarks_mean_px", "float16's mean landmark error, pixels.")
    ] = None,
    landmarks_max_px: Annotated[
        Limit, _limit("landmarks_max_px", "float16's largest landmark error, pixels.")
    ] = None,
    presence: Annotated[Limit, _limit("presence", "float16's presence difference.")] = None,
    handedness: Annotated[Limit, _limit("handedness", "float16's handedness difference.")] = None,
    truth_recall: Annotated[
        Limit, _limit("truth_recall", "The file's smallest recall on rendered hands.")
    ] = None,
    truth_precision: Annotated[
        Limit, _limit("truth_precision", "The file's smallest precision on rendered hands.")
    ] = None,
    truth_handedness: Annotated[
        Limit, _limit("truth_handedness", "The smallest share of hands on their right side.")
    ] = None,
    truth_palm_error: Annotated[
        Limit, _limit("truth_palm_error", "The largest mean keypoint error, palm sizes.")
    ] = None,
    truth_joint_error: Annotated[
        Limit, _limit("truth_joint_error", "The largest mean joint error, palm sizes.")
    ] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Also compute all differences again from the raw outputs."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.json", help="Write the new report."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file at -o.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge stored numbers by other limits, without running anything again. Exit code 1 also if
    the report's verdicts do not follow from its numbers: then somebody altered it.
    """
    from blazepalm.cli.report_tables import recheck_pieces
    from blazepalm.reports.stored.read import read_report
    from blazepalm.reports.stored.recheck import recheck

    given = {
        "float32_multiple": float32_multiple,
        "iou": iou,
        "landmarks_mean_px": landmarks_mean_px,
        "landmarks_max_px": landmarks_max_px,
        "presence": presence,
        "handedness": handedness,
        "truth_recall": truth_recall,
        "truth_precision": truth_precision,
        "truth_handedness": truth_handedness,
        "truth_palm_error": truth_palm_error,
        "truth_joint_error": truth_joint_error,
    }
    if output is not None:
        inputs = [_file(path)]
        check_file(output, force=force, formats=(".json",), what="reports", inputs=inputs)
    stored = read_report(path)
    limits = {name: value for name, value in given.items() if value is not None}
    found = recheck(stored, replace(stored.limits, **limits))
    checked = _check_raw(stored, path) if raw else None
    if output is not None:
        _write(output, _json_text(found.report.to_dict()), force)
    if as_json:
        console.emit_json(_recheck_values(found, checked))
    else:
        console.out(*recheck_pieces(found, checked, stored))
    differs = checked is not None and not checked.passed
    raise typer.Exit(max(found.exit_code, 1 if differs else 0))


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
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a report's other formats from its JSON."""
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
                inputs=[_file(path)],
            )
    if explorer is not None:
        check_into(explorer, explorer)
    stored = read_report(path)
    nodes = {} if explorer is None else _nodes(stored, explorer, force, _file(path))
    written: list[str] = []
    if html is not None:
        from blazepalm.reports.render.html import write_html

        write_html(stored, html, path if path.is_dir() else path.parent)
        written.append(str(html))
    for target, text in ((junit, _junit), (markdown, _markdown)):
        if target is not None:
            written.append(_write(target, text(stored), force))
    written += [_write(target, text, force) for target, text in nodes.items()]
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
    return {folder / name: dumps(data) for name, data in found.items()}


def _file(path: Path) -> Path:
    from blazepalm.reports.stored.read import REPORT_FILE

    return path / REPORT_FILE if path.is_dir() else path


def _check_raw(stored: "ParityReport", path: Path) -> "RawCheck":
    from blazepalm.reports.stored.recheck_raw import FOLDER, recheck_raw

    folder = path if path.is_dir() else path.parent
    return recheck_raw(stored, folder / FOLDER)


def _write(target: Path, text: str, force: bool) -> str:
    with atomic_file(target, force=force) as temporary:
        # a hostile name may hold a lone surrogate, which UTF-8 cannot encode
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    return str(target)


def _json_text(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _recheck_values(found: "Rechecked", checked: "RawCheck | None") -> dict[str, Any]:
    return {
        "passed": found.passed,
        "passed_before": found.passed_before,
        "altered": list(found.altered),
        "exit_code": found.exit_code,
        "limits": found.report.limits.to_dict(),
        "counts": to_builtins(found.report.counts),
        "changed": [
            {
                "row": asdict(after.key),
                "value": after.value,
                "before": {"status": before.status, "limit": before.limit},
                "after": {"status": after.status, "limit": after.limit},
            }
            for before, after in found.changed
        ],
        "raw": None if checked is None else {**vars(checked), "passed": checked.passed},
    }
