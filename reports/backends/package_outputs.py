"""Adapts a saved Core ML package of face `raw` for parity: images in, the TFLite file's outputs
out, whichever runtime executes it.

A package has its own output names and usually takes planes. Its metadata map its outputs to the
file's, and channels move to the front.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import Outputs, run_in_batches, split_inputs
from blazepalm.reports.backends.mil import Program

FACE = "blazepalm.face"
TFLITE_OUTPUTS = "blazepalm.tflite_outputs"

Execute = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]  # by the package's own names


@dataclass(frozen=True)
class RawPackage:
    """`own[i]` is the package's name for the file's output `outputs[i]`, of shape `shapes[i]` for
    one batch of the package.
    """

    program: Program
    outputs: tuple[str, ...]
    own: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    def run(self, images: np.ndarray, execute: Execute) -> Outputs:
        """(N, H, W, C) float32 in the release's range → the file's outputs in float32.

        Raises CouldNotVerify if the outputs do not have the file's shapes.
        """
        inputs = self.program.inputs
        batch = (inputs[0].shape or inputs[0].type.shape or (1,))[0] or 1
        batch = batch if len(inputs) == 1 else 1

        def run(images: np.ndarray) -> list[np.ndarray]:
            found = execute(self.given(images))
            values = [found[name].astype(np.float32) for name in self.own]
            for name, value, shape in zip(self.outputs, values, self.shapes, strict=True):
                self.require_shape(name, value.shape, shape)
            return values

        return run_in_batches(images, batch, self.outputs, run, "the package")

    def given(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The images as the package's input, or a row of numbers as its inputs. Raises
        CouldNotVerify if it does not take them.
        """
        inputs = self.program.inputs
        shapes = [tuple(size or 1 for size in f.type.shape or ()) for f in inputs]
        given = {}
        for feature, value in zip(inputs, split_inputs(images, shapes), strict=True):
            planes = np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if value.ndim == 4 else value
            fits = [x for x in (planes, value) if feature.allows(x.shape)]
            if not fits:
                raise CouldNotVerify(
                    f"{self.program.source}: input '{feature.name}' takes {feature.allowed()}, "
                    f"the images are {list(value.shape)}"
                )
            given[feature.name] = fits[0]
        return given

    def require_shape(self, name: str, found: Sequence[int | None], wanted: Sequence[int]) -> None:
        """Raises CouldNotVerify unless the shapes are equal."""
        if tuple(found) != tuple(wanted):
            raise CouldNotVerify(
                f"{self.program.source}: output '{name}' has shape {list(found)}, "
                f"in the TFLite file {list(wanted)}"
            )


def match(
    program: Program, outputs: tuple[str, ...], shapes: Sequence[tuple[int, ...]]
) -> RawPackage:
    """Finds the file's outputs, given by name and shape, among the package's.

    Raises CouldNotVerify for a package whose input and outputs are not the file's.
    """
    face = program.metadata.get(FACE, "raw")
    if face != "raw":
        raise CouldNotVerify(
            f"{program.source}: has face {face}; only face raw has the TFLite file's outputs"
        )
    if not program.inputs or any(feature.image is not None for feature in program.inputs):
        raise CouldNotVerify(
            f"{program.source}: takes {', '.join(map(str, program.inputs)) or 'nothing'}; "
            "expected tensors"
        )
    package = RawPackage(program, outputs, _own_names(program, outputs), tuple(shapes))
    declared = {feature.name: feature.type.shape for feature in program.outputs}
    for output, own_name, shape in zip(outputs, package.own, package.shapes, strict=True):
        found = declared[own_name]
        if found is not None and None not in found:
            package.require_shape(output, found, shape)
    return package


def _own_names(program: Program, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """The package's name for each of the file's outputs: by position if the metadata list the
    file's names, else the same name.
    """
    own = tuple(feature.name for feature in program.outputs)
    if len(own) == len(outputs):
        if TFLITE_OUTPUTS in program.metadata:
            listed = _listed(program.metadata[TFLITE_OUTPUTS])
            places = [f"{name or 'output'}#{i}" for i, name in enumerate(listed)]  # if repeated
            if len(listed) == len(outputs) and all(
                output in names for output, *names in zip(outputs, listed, places, strict=True)
            ):
                return own
        elif set(own) == set(outputs):
            return outputs
    raise CouldNotVerify(
        f"{program.source}: its outputs ({', '.join(own)}) are not those of the TFLite file "
        f"({', '.join(outputs)})"
    )


def _listed(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
