"""What `convert --quantize` measured for a folder, from its `conversion.json`: size against error,
and what each layer costs in integers.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from blazepalm.converter.artifacts import INT8, RECORD
from blazepalm.converter.loading import read_record
from blazepalm.errors import ArtifactError, one_line
from blazepalm.reports.compare.meters import Count, Number


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    """One choice of kinds: bytes of the large weights, the largest share of a limit (None: a hand
    was lost), the largest error in pixels.
    """

    size: Count
    used: Number
    pixels: Number


class LayerCost(Struct, frozen=True, forbid_unknown_fields=True):
    """A layer that alone computes in integers, as `converter.layer_price.LayerPrice`; the whole
    network if `layer` is empty.
    """

    layer: str
    operation: str
    used: Number
    pixels: Number
    iou: Number


class Compression(Struct, frozen=True, forbid_unknown_fields=True):
    """`weights`: how many of the package are compressed; `curve`: what was tried, the largest
    first; `prices`: by file, that of the whole and of each layer, the dearest first.
    """

    weights: Annotated[int, Meta(ge=0)]
    curve: tuple[Tried, ...]
    prices: dict[str, tuple[LayerCost, ...]]


def compression_of(folder: Path) -> Compression | None:
    """None for a folder written without --quantize. Raises ArtifactError for a damaged record."""
    record = read_record(folder)
    try:
        found = msgspec.convert(_values(record), Compression)
    except (msgspec.ValidationError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{folder / RECORD}: damaged ({one_line(error)}); convert the release again"
        ) from error
    return found if found.curve or found.prices else None


def _values(record: dict[str, Any]) -> dict[str, Any]:
    package, integers = record.get("coreml") or {}, record.get("int8_tflite")
    prices = {}
    if package.get("prices"):
        prices[package["name"]] = package["prices"]
    if integers is not None:
        prices[INT8] = [integers["price"], *integers["layers"]]
    curve = [
        {"size": size, "used": used, "pixels": pixels}
        for size, used, pixels in package.get("measured") or ()
    ]
    return {"weights": len(package.get("weights") or ()), "curve": curve, "prices": prices}
