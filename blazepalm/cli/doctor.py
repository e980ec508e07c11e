"""`blazepalm doctor`: what is installed here, which backends run, and how to get what is missing.

For a bug report (`--json`) and for a new machine. It imports none of the heavy libraries and reads
no file but the system's own; a person's home folder is written as `~`.
"""

import os
import platform
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from blazepalm.cli import console
from blazepalm.errors import CouldNotVerify, missing_part
from blazepalm.text import printable

LITERT = "ai_edge_litert"
SCHEMA = "blazepalm-doctor/1"
# instruction sets that choose a kernel, so that the last bits differ between processors
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "asimdhp", "sve")


@dataclass(frozen=True)
class Part:
    """What one extra of the distribution installs: modules, their distributions, their use."""

    extra: str
    distributions: tuple[tuple[str, str], ...]  # (module, distribution)
    use: str


PARTS = (
    Part("torch", (("torch", "torch"),), "conversion, PyTorch modules"),
    Part("tflite", (("ai_edge_litert", "ai-edge-litert"),), "LiteRT: the reference of parity"),
    Part("coreml", (("coremltools", "coremltools"),), "Core ML packages"),
    Part("executorch", (("executorch", "executorch"),), "PyTorch's runtime for phones"),
    Part("openvino", (("openvino", "openvino"),), "Intel's runtime for processors"),
    Part(
        "coreai", (("coreai", "coreai-core"), ("coreai_torch", "coreai-torch")), "Apple's Core AI"
    ),
    Part("onnx", (("onnx", "onnx"), ("onnxruntime", "onnxruntime")), "ONNX files"),
    Part("quantizer", (("ai_edge_quantizer", "ai-edge-quantizer"),), "TFLite files in integers"),
    Part("tensorflow", (("tensorflow", "tensorflow"),), "a second TFLite runtime"),
    Part("ray", (("ray", "ray"),), "parity on a cluster"),
    Part("heif", (("pillow_heif", "pillow-heif"),), "HEIC pictures"),
    Part("jxl", (("pillow_jxl", "pillow-jxl-plugin"),), "JPEG XL pictures"),
)
BASE = ("numpy", "opencv-python-headless", "pillow", "safetensors", "scipy", "msgspec", "typer")
# program on the PATH → what it is for
TOOLS = {
    "git": "the commit in reports",
    "make": "the commands of a checkout",
    "swift": "the Swift package and its tests",
    "xcodebuild": "the iOS harness, on a Mac",
    "chromium": "the tests of the HTML report",
}


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine output on stdout, for a bug report.")
    ] = False,
) -> None:
    """Show versions, processor and backends here; say what is missing and how to get it.

    Exit code 1 if something that is installed is broken; what is merely absent is no error.
    """
    values = examine()
    if as_json:
        console.emit_json(values)
    else:
        _print(values)
    if values["problems"]:
        raise typer.Exit(1)


def examine() -> dict[str, Any]:
    """Everything the command shows, as plain values."""
    problems: list[str] = []
    return {
        "schema": SCHEMA,
        "blazepalm": _version("blazepalm"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "c_library": " ".join(platform.libc_ver()).strip() or None,
        "processor": _processor(),
        "base": {name: _version(name) for name in BASE},
        "parts": [_part(part, problems) for part in PARTS],
        "backends": _backends(problems),
        "tools": {name: _home(shutil.which(name)) for name in TOOLS},
        "releases": _releases(),
        "variables": sorted(name for name in os.environ if name.startswith("BLAZEPALM_")),
        "problems": problems,
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _processor() -> dict[str, Any]:
    from blazepalm.processor import processor_facts, processor_name
    from blazepalm.reports.engine.plan import processors

    facts = processor_facts()
    flags = {f for name, value in facts if name in ("flags", "Features") for f in value.split()}
    memory = None
    with suppress(AttributeError, ValueError, OSError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "name": processor_name(),
        "usable": processors(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "memory_bytes": memory,
    }


def _part(part: Part, problems: list[str]) -> dict[str, Any]:
    versions = {}
    for module, distribution in part.distributions:
        found = _version(distribution)
        there = _has(module)
        if found is not None and not there:
            problems.append(
                f"{distribution} {found} is installed, but its module {module} is not there: "
                f"pip install --force-reinstall {distribution}"
            )
        versions[distribution] = found
    whole = all(_has(module) for module, _ in part.distributions)
    get = None if whole else f"pip install 'blazepalm[{part.extra}]'"
    return {"part": part.extra, "use": part.use, "versions": versions, "here": whole, "get": get}


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # ValueError: a module hidden by None in sys.modules
        return False


def _backends(problems: list[str]) -> list[dict[str, Any]]:
    from blazepalm.reports.backends.registry import points, registrations

    rows: list[dict[str, Any]] = []
    for point in points():
        try:
            found = registrations(point)
        except CouldNotVerify as problem:
            if (missing := _missing(problem.__cause__)) is None:
                problems.append(str(problem))
            else:
                rows.append(
                    {"name": point.name.partition(":")[0], "here": False, "missing": missing}
                )
            continue
        for backend in found:
            reason = backend.available()
            if reason is None and backend.name.startswith("tflite") and not _has(LITERT):
                reason = missing_part(ModuleNotFoundError(name=LITERT))  # it says so when opened
            row = {"name": backend.name, "label": backend.label, "precision": backend.precision}
            rows.append({**row, "here": reason is None, "missing": reason})
    return rows


def _missing(cause: BaseException | None) -> str | None:
    """What a backend's module needs that is not installed; None if that is not why it failed."""
    with suppress(ModuleNotFoundError):
        if isinstance(cause, ModuleNotFoundError):
            return missing_part(cause)
    return None


def _releases() -> dict[str, Any]:
    from blazepalm.cache_folder import cache_folder
    from blazepalm.models.release_registry import load_registry

    assets = load_registry().assets
    fetched = (asset for asset in assets if asset.embedded is None)
    return {
        "known": len(assets),
        "fetched": [asset.name for asset in fetched if asset.location() is not None],
        "cache": _home(str(cache_folder())),
    }


def _home(path: str | None) -> str | None:
    """The path with `~` in place of the home folder: reports are pasted in public."""
    home = str(Path.home())
    return path.replace(home, "~") if path and len(home) > 1 else path


def _print(values: dict[str, Any]) -> None:
    from blazepalm.cli.tables import facts, plain_table

    processor = values["processor"]
    memory = processor["memory_bytes"]
    usable = f"{processor['usable']} usable"
    gigabytes = f", {memory / 2**30:.0f} GiB of memory" if memory else ""
    sets = f" ({', '.join(processor['instructions'])})" if processor["instructions"] else ""
    releases = values["releases"]
    console.out(
        facts(
            [
                ("blazepalm", values["blazepalm"] or "not installed: it runs from a folder"),
                ("Python", f"{values['python']} in {_home(sys.prefix)}"),
                ("system", values["system"]),
                ("processor", f"{processor['name'] or 'unknown'}{sets}; {usable}{gigabytes}"),
                ("releases", f"{releases['known']} known, {len(releases['fetched'])} fetched"),
                ("cache", releases["cache"]),
            ]
        )
    )
    parts, backends = plain_table("parts"), plain_table("backends")
    for table in (parts, backends):
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
    for part in values["parts"]:
        versions = ", ".join(f"{n} {v}" for n, v in part["versions"].items() if v)
        parts.add_row(f"  {part['part']}", versions if part["here"] else f"missing: {part['use']}")
    for backend in values["backends"]:
        state = "runs here" if backend["here"] else backend["missing"]
        backends.add_row(f"  {backend['name']}", printable(state))
    for table in (parts, backends):
        console.out("", table)
    missing = [part for part in values["parts"] if not part["here"]]
    absent = [name for name, path in values["tools"].items() if path is None]
    if missing or absent:
        console.out("", "to get what is missing, if you need it")
        rows = [(part["use"], part["get"]) for part in missing]
        rows += [(TOOLS[name], f"put {name} on the PATH") for name in absent]
        console.out(facts(rows))
    for problem in values["problems"]:
        console.error(problem)
