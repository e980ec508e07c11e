"""Summarises a saved Core ML program: operations, precision, inputs and outputs, weights, metadata,
and the operations that the executor lacks.

Nothing is run, and neither torch nor coremltools is imported. What one of this project's own
packages states about itself (release, face, precision, spec) is only its metadata's claim: it is
shown, not proved.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blazepalm.models.spec import Spec
from blazepalm.models.spec_json import spec_from_dict, spec_to_dict
from blazepalm.reports.backends.mil.coverage import EXECUTED
from blazepalm.reports.backends.mil.interface import Feature, Interface
from blazepalm.reports.backends.mil.notes import OWN
from blazepalm.reports.backends.mil.program import Program, load
from blazepalm.reports.backends.mil.suppression import Suppression
from blazepalm.reports.backends.mil.weights import UNPACKS, StoredWeights, stored_weights

SAYS = ("description", "version", "author", "licence")

# the version of a specification → the oldest systems that run it (coremltools/__init__.py)
TARGETS = {
    6: ("iOS 15", "macOS 12"),
    7: ("iOS 16", "macOS 13"),
    8: ("iOS 17", "macOS 14"),
    9: ("iOS 18", "macOS 15"),
    10: ("iOS 26", "macOS 26"),
}


@dataclass(frozen=True)
class Port:
    """One input or output. `kind` is `image`, `tensor`, or another type's name; an image's `shape`
    is (H, W), a flexible dimension None. `shapes` says which shapes are accepted, if more than one.
    """

    name: str
    kind: str
    layout: str | None
    shape: tuple[int | None, ...] | None
    shapes: str | None
    dtype: str
    optional: bool
    description: str


@dataclass(frozen=True)
class FunctionSummary:
    """One function; `opset` is Core ML's name of its operation set ("CoreML6" for iOS 16)."""

    name: str
    opset: str
    operations: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class ProgramSummary:
    """A package. `operations` are by type, most frequent first, those that unpack weights
    (`unpacking`) apart; `precision` counts computed values by type; `lacking` are operations
    that blazepalm does not execute; `suppression` follows the program in a pipeline, if it does.
    """

    file: str
    bytes: int
    specification_version: int
    target: tuple[str, ...]
    default_function: str
    functions: tuple[FunctionSummary, ...]
    operations: dict[str, int]
    unpacking: dict[str, int]
    precision: dict[str, int]
    weights: tuple[StoredWeights, ...]
    lacking: dict[str, int]
    suppression: Suppression | None
    metadata: dict[str, str]

    @property
    def parameters(self) -> int:
        """Values in the weight files, unpacked."""
        return sum(row.values for row in self.weights)

    @property
    def default(self) -> FunctionSummary:
        """The function that runs if none is named."""
        return next(f for f in self.functions if f.name == self.default_function)

    def own(self, key: str) -> str | None:
        """What this project wrote under `key` (`release`, `face`, `precision`, …)."""
        return self.metadata.get(OWN + key)

    @cached_property
    def spec(self) -> Spec | None:
        """The network's structure, if the package states a valid one."""
        try:
            return spec_from_dict(json.loads(self.own("spec") or "null") or {})
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values that JSON can hold."""
        values = {**asdict(self), "parameters": self.parameters}
        values["spec"] = None if self.spec is None else spec_to_dict(self.spec)
        return values


def summarise(path: str | Path) -> ProgramSummary:
    """Reads a package. Raises InvalidModel if it is broken or holds no ML program."""
    return summary_of(load(path))


def summary_of(program: Program) -> ProgramSummary:
    """The summary of a program that has been read."""
    functions = program.functions.values()
    types = Counter(op.type for function in functions for op in function.operations)
    unpacking = {name for name in types if name.startswith(UNPACKS)}
    return ProgramSummary(
        file=program.source,
        bytes=program.file_bytes,
        specification_version=program.specification_version,
        target=TARGETS.get(program.specification_version, ()),
        default_function=program.default_function,
        functions=tuple(
            _function(program.interfaces[f.name], f.name, f.opset, len(f.operations))
            for f in functions
        ),
        operations={n: count for n, count in program.operations.items() if n not in unpacking},
        unpacking={n: count for n, count in program.operations.items() if n in unpacking},
        precision={name.lower(): count for name, count in program.precisions.items()},
        weights=stored_weights(functions),
        lacking={n: count for n, count in program.operations.items() if n not in EXECUTED},
        suppression=program.suppression,
        metadata={key: value for key, value in program.metadata.items() if value},
    )


def _function(interface: Interface, name: str, opset: str, operations: int) -> FunctionSummary:
    inputs, outputs = (
        tuple(_port(feature) for feature in features)
        for features in (interface.inputs, interface.outputs)
    )
    return FunctionSummary(name, opset, operations, inputs, outputs)


def _port(feature: Feature) -> Port:
    dtype = feature.type.dtype
    kind = "image" if feature.image else "tensor" if dtype.isupper() else dtype
    shape = feature.shape if feature.image else feature.type.shape
    many = feature.enumerated or any(r.low != r.high for r in feature.ranges)
    return Port(
        name=feature.name,
        kind=kind,
        layout=feature.image,
        shape=shape,
        shapes=feature.allowed() if many else None,
        dtype=dtype.lower(),
        optional=feature.optional,
        description=feature.description,
    )
