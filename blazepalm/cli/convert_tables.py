"""What a converted folder holds, as a table, as one line, or as JSON."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.model_card import CLASSES
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table

MAX_MOVED = 8  # weights that a table lists
DEAREST = 5  # layers that it lists by what they cost in integers
PRICES = "on pictures of hands: error, share of a limit (lost: a hand); layers alone:"


def summary(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """The record without its two long parts, plus its folder."""
    short = {key: value for key, value in record.items() if key not in ("tensor_map", "graph")}
    return {"folder": str(folder), "tensors": len(record["tensor_map"]), **short}


def folder_line(folder: Path, record: dict[str, Any]) -> str:
    """What a folder holds, in one line."""
    module = CLASSES[record["spec"]["family"]] if "spec" in record else "operator by operator"
    package = "" if not record["coreml"] else f", {record['coreml']['name']}"
    name = record["release"] or record["source"]["file"]
    return printable(f"{folder}/: {name}, {module}, {len(record['tensor_map'])} tensors{package}")


def _chosen_size(measured: Sequence[Sequence[Any]]) -> int:
    """The smallest size that stays within the search's target."""
    from blazepalm.reports.judge.policy import COMPRESSION_SHARE as TARGET

    return min(int(size) for size, used, _ in measured if used is not None and used <= TARGET)


def price_lines(prices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The whole network's price, then those of its dearest layers alone."""
    return [
        "  ".join(
            (
                "  lost   " if p["pixels"] is None else f"{p['pixels']:6.2f} px",
                "" if p["iou"] is None else f"IoU {p['iou']:5.3f}",
                "  lost" if p["used"] is None else f"{p['used']:6.0%}",
                p["layer"] or "the whole network",
            )
        ).rstrip()
        for p in prices[: DEAREST + 1]
    ]


def _add_core_ai(add: "Callable[[str, str], None]", program: dict[str, Any]) -> None:
    """What a table says of a Core AI program."""
    versions = program["versions"]
    add(
        "Core AI",
        f"experimental, iOS 27 and macOS 27: functions {' and '.join(program['functions'])}, "
        f"{program['precision']}, coreai-core {versions['coreai-core']}",
    )
    for name, function in program["functions"].items():
        worst = max(function["floors"].values(), default=0.0)
        add("", f"{name}: {worst:.2g} × torch's own distance from float64, on this CPU")
    if not program["stable"]:
        add("", "another run gives other bytes: Core AI's names in it depend on memory addresses")


def folder_table(folder: Path, record: dict[str, Any]) -> "Table":
    """What a folder holds, as text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from blazepalm.converter.artifacts import ONNX
    from blazepalm.converter.onnx_file import OPSET

    rows = record["tensor_map"]
    source = record["source"]
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def add(label: str, text: str) -> None:
        table.add_row(label, Text(printable(text)))

    add("source", f"{source['file']}, {source['bytes']:,} bytes, SHA-256 {source['sha256'][:16]}…")
    add("release", record["release"] or "not in the registry")
    stored = sorted({row["stored_dtype"] + (" sparse" if row["sparse"] else "") for row in rows})
    add("tensors", f"{len(rows)}, stored as {', '.join(stored)}; each placed once")
    if "spec" in record:
        add("module", CLASSES[record["spec"]["family"]])
        add("proof", "equals the operator-by-operator module, bit for bit")
    else:
        add("module", "operator by operator (no known family)")
    outputs = (f"{o['name']} {'×'.join(map(str, o['shape']))}" for o in record["outputs"])
    add("outputs", ", ".join(outputs))
    for output in record["outputs"]:
        if values := output.get("values"):
            add("", f"{output['name']}: {', '.join(values)}")
    if package := record["coreml"]:
        add(
            "Core ML",
            f"{package['face']} face, {package['precision']}, {package['target']}: "
            f"{package['operation_count']} operations for TFLite's {package['tflite_operators']}",
        )
        if measured := package.get("measured"):
            add("", f"{len(package['weights'])} weights compressed, measured on pictures of hands:")
            for size, used, pixels in measured:
                chosen = "  ← this one" if size == _chosen_size(measured) else ""
                error = "    –" if pixels is None else f"{pixels:5.2f}"
                share = "a hand lost" if used is None else f"{used:4.0%} of a limit"
                add("", f"{size / 1e6:6.2f} MB  {error} px  {share}{chosen}")
        if package["float32_modules"]:
            add("", f"float32 in {', '.join(package['float32_modules'])}")
    if prices := (record["coreml"] or {}).get("prices"):
        add("", PRICES)
        for line in price_lines(prices):
            add("", line)
    if integers := record.get("int8_tflite"):
        add("TFLite int8", PRICES)
        for line in price_lines([integers["price"], *integers["layers"]]):
            add("", line)
    if tuning := record.get("fine_tuning"):
        moved = tuning["moved"]
        add("moved", f"{len(moved)} of {len(rows)} weights, from {tuning['from']['file']}")
        for name in moved[:MAX_MOVED]:
            add("", name)
        if len(moved) > MAX_MOVED:
            add("", f"and {len(moved) - MAX_MOVED} more in conversion.json")
    if ONNX in record["artifacts"]:
        layout = "N×3×H×W" if "spec" in record and "input_size" in record["spec"] else "inputs"
        add("ONNX", f"opset {OPSET}, {layout} in float32, checked in ONNX Runtime")
    if program := record["executorch"]:
        add("ExecuTorch", f"float32, by {program['delegate']}, ExecuTorch {program['executorch']}")
    if core_ai := record.get("coreai"):
        _add_core_ai(add, core_ai)
    add("written", f"{folder}/")
    for path in sorted(folder.iterdir()):
        size = sum(p.stat().st_size for p in (path, *path.rglob("*")) if p.is_file())
        add("", f"{path.name}  {size:,} bytes")
    return table
