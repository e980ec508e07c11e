"""Whether a folder already is what a conversion would write."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from blazepalm.converter.artifacts import tools
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.evidence import NO_OVERRIDES
from blazepalm.converter.folder import is_converted, layout_of
from blazepalm.converter.loading import read_record
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.verify_files import check_files
from blazepalm.converter.verify_programs import HOLDS
from blazepalm.converter.wanted import CoreMLChoice, Wanted


def is_finished(folder: Path, graph: Graph, wanted: Wanted) -> bool:
    """Whether `folder` is the conversion of this very file with these options and with the tools
    that are installed, and each of its files is as `conversion.json` records it. False where it
    cannot be told: for options that were measured on pictures, and for stated roles or ranges.
    Raises ArtifactError for a damaged record.
    """
    if not is_converted(folder):
        return False
    record = read_record(folder)
    source = record.get("source")
    return (
        isinstance(source, dict)
        and source.get("sha256") == graph.sha256
        and record.get("tools") == tools()
        and _as_wanted(record, wanted)
        and all(finding.status == HOLDS for finding in check_files(folder, record))
    )


def is_measured(wanted: Wanted) -> bool:
    """Whether some of the options are measured on pictures, so that no folder can be told to be
    finished.
    """
    return wanted.tflite is not None or callable(wanted.coreml)


def _as_wanted(record: dict[str, Any], wanted: Wanted) -> bool:
    """Whether the record states these options."""
    if wanted.overrides != NO_OVERRIDES or is_measured(wanted):
        return False
    if "fine_tuning" in record or "int8_tflite" in record:
        return False
    if "spec" not in record and layout_of(record) != wanted.layout:
        return False
    return (
        _package_as_wanted(record, wanted.coreml)
        and _part(record, "executorch").get("delegate") == wanted.pte
        and _part(record, "coreai").get("precision") == wanted.aimodel
    )


def _package_as_wanted(record: dict[str, Any], wanted: CoreMLChoice) -> bool:
    package = _part(record, "coreml")
    if wanted is None or not package:
        return wanted is None and not package
    if not isinstance(wanted, CoreMLOptions):
        return False
    if not _takes_an_image(record):
        wanted = replace(wanted, face="raw")
    keys = ("face", "precision", "target", "compress")
    plain = not package.get("weights") and not package.get("activations")
    return plain and all(package.get(key) == getattr(wanted, key) for key in keys)


def _takes_an_image(record: dict[str, Any]) -> bool:
    """Whether the network is of a family that has other faces than raw."""
    return "input_size" in _part(record, "spec")


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}
