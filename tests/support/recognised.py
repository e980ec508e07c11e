"""What recognition must give back of a network that another exporter wrote."""

from dataclasses import asdict
from typing import Any

from blazepalm.converter.architecture import Recognition
from support.structures import digest

SAME_BYTES = ("RESHAPE", "one for")  # what leaves a constant's values in their order


def shape_of(spec: Any) -> Any:
    """A spec as plain values, without what exports lose: whether the file had a separate PAD, and
    what the registry adds.
    """
    unknown = {"explicit_pad", "value_range", "score_threshold", "suppression_iou"}
    unknown |= {"presence_threshold", "z_scale"}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in unknown}
        return [plain(v) for v in value] if isinstance(value, list | tuple) else value

    return plain(asdict(spec))


def weights_of(
    found: Recognition, digests: dict[int, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Module → digests of its constants; for a structure, of those that keep their bytes."""
    weights: dict[str, tuple[str, ...]] = {}
    for op in found.normal.operators:
        if op.index not in found.modules:
            continue
        row = []
        for index in op.inputs:
            tensor = found.normal.tensors[index] if index >= 0 else None
            if tensor is None or tensor.data is None or tensor.data.dtype.kind != "f":
                continue
            if digests is None:
                row.append(digest(tensor.data))
                continue
            assert tensor.provenance is not None
            kept = all(step.startswith(SAME_BYTES) for step in tensor.provenance.folded)
            known = digests.get(tensor.provenance.tensor)
            row.append(known if kept and known is not None else "unknown")
        if row:
            weights[found.modules[op.index]] = tuple(row)
    return weights
