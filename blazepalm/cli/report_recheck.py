"""`blazepalm report recheck`, and what the commands of `report` share."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins
from msgspec.structs import asdict, replace

from blazepalm.atomic import atomic_file, check_file
from blazepalm.cli import console
from blazepalm.reports.judge.policy import LIMITS

if TYPE_CHECKING:
    from blazepalm.reports.judge.report import ParityReport
    from blazepalm.reports.stored.recheck import Rechecked
    from blazepalm.reports.stored.recheck_raw import RawCheck

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
    from blazepalm.reports.judge.local_paths import without_local_paths
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
        inputs = [report_file(path)]
        check_file(output, force=force, formats=(".json",), what="reports", inputs=inputs)
    stored = read_report(path)
    limits = {name: value for name, value in given.items() if value is not None}
    found = recheck(stored, replace(stored.limits, **limits))
    checked = _check_raw(stored, path) if raw else None
    if output is not None:
        write_text(output, _json_text(without_local_paths(found.report).to_dict()), force)
        _tell_of_pictures(found.report, report_file(path).parent, output)
    if as_json:
        console.emit_json(_recheck_values(found, checked))
    else:
        console.out(*recheck_pieces(found, checked, stored))
    differs = checked is not None and not checked.passed
    raise typer.Exit(max(found.exit_code, 1 if differs else 0))


def _tell_of_pictures(report: "ParityReport", folder: Path, output: Path) -> None:
    """Says where the pictures are that the new report names, if they are not beside it."""
    from blazepalm.reports.render.html.pictures import missing_pictures

    if missing_pictures(report, output.parent) > missing_pictures(report, folder):
        console.note(
            f"the pictures stay in {folder}: `blazepalm report render {output} --html page.html "
            f"--pictures {folder}` shows them"
        )


def _recheck_values(found: "Rechecked", checked: "RawCheck | None") -> dict[str, Any]:
    return {
        "passed": found.passed,
        "passed_before": found.passed_before,
        "altered": list(found.altered),
        "bounded": found.bounded,
        "unlisted": found.unlisted,
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


def _check_raw(stored: "ParityReport", path: Path) -> "RawCheck":
    from blazepalm.reports.stored.recheck_raw import FOLDER, recheck_raw

    folder = path if path.is_dir() else path.parent
    return recheck_raw(stored, folder / FOLDER)


def report_file(path: Path) -> Path:
    """The report's file: the path itself, or `parity.json` in that folder."""
    from blazepalm.reports.stored.read import REPORT_FILE

    return path / REPORT_FILE if path.is_dir() else path


def write_text(target: Path, text: str, force: bool) -> str:
    """Writes the file whole or not at all; returns its name. Raises ArtifactError."""
    with atomic_file(target, force=force) as temporary:
        # a hostile name may hold a lone surrogate, which UTF-8 cannot encode
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    return str(target)


def _json_text(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
