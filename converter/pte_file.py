"""A converted model → `<Name>.pte` in its folder, with a record for `conversion.json`."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.converter.coreml.metadata import package_name
from blazepalm.converter.pte import XNNPACK, export_pte, pte_outputs
from blazepalm.converter.pte_cache import cached_pte

if TYPE_CHECKING:
    from blazepalm.converter.converted import Converted


@dataclass(frozen=True)
class PteRecord:
    """The record of a written program: its file and SHA-256, what computes it, the readable names
    of its outputs in its order, and ExecuTorch's version.
    """

    name: str
    sha256: str
    delegate: str
    outputs: tuple[str, ...]
    executorch: str


def write_pte(model: "Converted", folder: Path, delegate: str) -> PteRecord:
    """Writes `folder/<Name>.pte`. Raises as `lower` does."""
    content = cached_pte(model) if delegate == XNNPACK else export_pte(model, delegate)
    name = f"{package_name(model, 'raw')}.pte"
    (folder / name).write_bytes(content)
    return PteRecord(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        delegate=delegate,
        outputs=tuple(model.outputs[i] for i in pte_outputs(model)),
        executorch=version("executorch"),
    )
