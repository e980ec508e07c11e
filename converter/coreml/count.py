"""Counts the operations of a program and of a TFLite graph so that they are comparable."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from blazepalm.converter.coreml.vision import program_of

if TYPE_CHECKING:
    from blazepalm.converter.tflite.graph import Graph


def mil_operations(specification: Any) -> dict[str, int]:
    """MIL operations by type, most frequent first. Constants, and the operations that unpack them
    (`constexpr_*`), compute nothing at run time and are left out.
    """
    counts: Counter[str] = Counter()
    for function in program_of(specification).functions.values():
        for block in function.block_specializations.values():
            counts.update(op.type for op in block.operations)
    kept = {name: n for name, n in counts.items() if name != "const" and "constexpr" not in name}
    return dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))


def tflite_operators(graph: "Graph") -> int:
    """Number of the file's operators; a fused activation counts separately, as in MIL."""
    own = [op for op in graph.operators if op.index < graph.stored_operators]
    fused = [op for op in own if getattr(op.options, "activation", "NONE") != "NONE"]
    return len(own) + len(fused)
