"""Makes a folder's package and programs again, and compares them byte for byte (`verify`)."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.errors import BlazePalmError

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted

PROGRAM, CORE_AI = "ExecuTorch program", "Core AI program"
INTEGERS = "TFLite file in integers"
HOLDS, DIFFERS, NOT_CHECKED = "holds", "differs", "not checked"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `status`: `holds`, `differs` or `not checked`; `detail` says what
    was compared, or what differs.
    """

    what: str
    status: str
    detail: str


def check_package(recorded: Mapping[str, Any], model: "Converted") -> Finding:
    """Exports the model again with the recorded options and compares the files."""
    from blazepalm.converter.coreml.export import export
    from blazepalm.converter.coreml.options import CoreMLOptions

    what = "Core ML package"
    try:
        keys = ("face", "precision", "target", "compress")
        weights = tuple(sorted(dict(recorded.get("weights") or {}).items()))
        options = CoreMLOptions(
            **{key: recorded[key] for key in keys},
            weights=weights,
            activations=tuple(map(tuple, recorded.get("activations") or ())),
        )
        with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch:
            again = export(model, Path(scratch), options)
    except KeyError as error:
        return Finding(what, DIFFERS, f"the record has no {error.args[0]}")
    except BlazePalmError as error:
        return Finding(what, NOT_CHECKED, str(error))
    different = [
        name for name, digest in again.files.items() if recorded["files"].get(name) != digest
    ]
    if not different:
        return Finding(what, HOLDS, f"{len(again.files)} files equal a new export's, byte for byte")
    tools = "written by another version of coremltools or torch, or altered"
    return Finding(what, DIFFERS, f"{', '.join(different)} differ from a new export's: {tools}")


def check_pte(recorded: Mapping[str, Any], model: "Converted") -> Finding:
    """Lowers the model again and compares the bytes."""
    from blazepalm.converter.pte import CORE_ML, export_pte

    if recorded.get("delegate") == CORE_ML:
        detail = "is as recorded; a new one would have other random identifiers"
        return Finding(PROGRAM, HOLDS, detail)
    try:
        again = hashlib.sha256(export_pte(model)).hexdigest()
    except BlazePalmError as error:
        return Finding(PROGRAM, NOT_CHECKED, str(error))
    if again == recorded.get("sha256"):
        return Finding(PROGRAM, HOLDS, "equals a newly lowered one, byte for byte")
    return Finding(
        PROGRAM,
        DIFFERS,
        "differs from a newly lowered one: written by another version of ExecuTorch or torch, or "
        "altered",
    )


def check_aimodel(recorded: Mapping[str, Any], model: "Converted") -> Finding:
    """Converts the model again and compares the files."""
    from blazepalm.converter.coreai.aimodel import write_aimodel

    if not recorded.get("stable"):
        return Finding(CORE_AI, HOLDS, "is as recorded; a new one would have other names inside")
    try:
        with tempfile.TemporaryDirectory(prefix="blazepalm-") as scratch:
            again = write_aimodel(model, Path(scratch), str(recorded.get("precision")))
    except BlazePalmError as error:
        return Finding(CORE_AI, NOT_CHECKED, str(error))
    different = sorted(set(again.files.items()) ^ set(recorded["files"].items()))
    if not different:
        return Finding(CORE_AI, HOLDS, "equals a newly converted one, byte for byte")
    return Finding(
        CORE_AI,
        DIFFERS,
        f"{different[0][0]} differs from a newly converted one's: written by another version of "
        "coreai-core, coreai-torch or torch, or altered",
    )


def check_integers(
    folder: Path, recorded: Mapping[str, Any], model: "Converted", content: bytes
) -> Finding:
    """Quantises the source again by the recorded ranges and compares the bytes."""
    from blazepalm.converter.artifacts import INT8
    from blazepalm.converter.int8_file import float_file, int8_file, ranges_of

    try:
        plain = float_file(model, content)
        again = int8_file(plain, model.graph.source, ranges_of(recorded))
    except BlazePalmError as error:
        return Finding(INTEGERS, NOT_CHECKED, str(error))
    if again == (folder / INT8).read_bytes():
        return Finding(INTEGERS, HOLDS, "equals a newly quantised one, byte for byte")
    return Finding(
        INTEGERS,
        DIFFERS,
        "differs from a newly quantised one: written by another version of AI Edge Quantizer, or "
        "altered",
    )
