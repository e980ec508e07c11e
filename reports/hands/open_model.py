"""An opened network: what every way of opening one returns, and what they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.choose import WANTED
from blazepalm.converter.converted import Converted
from blazepalm.errors import InvalidModel
from blazepalm.models.generation import Generation
from blazepalm.models.runners import Floats, Runner
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec, Spec

if TYPE_CHECKING:
    from torch import nn

Source = str | Path | Converted  # a file, bundle, release (or alias) or package; or in memory
Notice = Callable[[str], None]


@dataclass(frozen=True)
class OpenModel:
    """A network ready to run. `backend`: `torch`, `tflite` or `coreml-mil`; `sha256`: of the
    `.tflite` it comes from, "" for a package that does not record it; `network_sha256`: of its
    network (`converter.tflite.network`), None if unknown; `float16`: whether it computes in it.
    `module`: the readable module that `run` computes, if the backend is `torch`. `run` raises
    InvalidModel where an output holds NaN or infinity: decoded, that would be "no hand".
    """

    name: str  # the release's, else the file's
    backend: str
    spec: Spec
    generation: Generation
    run: Runner
    sha256: str
    network_sha256: str | None = None
    float16: bool = False
    module: "nn.Module | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "run", _finite(self.name, self.run))


def output_shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Each raw output's shape for one image, by the fields of `PalmOutput` or `HandOutput`."""
    if isinstance(spec, PalmDetectorSpec):
        return {"boxes": (spec.anchors, spec.coordinates), "scores": (spec.anchors, 1)}
    return {output.name: (output.values,) for output in spec.outputs}


def shaped(
    outputs: Mapping[str, NDArray[Any]], count: int, spec: Spec
) -> dict[str, NDArray[np.float32]]:
    """The outputs in the shapes of `output_shapes`, whatever axes of length 1 the file adds."""
    return {
        name: np.asarray(outputs[name], np.float32).reshape(count, *shape)
        for name, shape in output_shapes(spec).items()
    }


def _finite(name: str, run: Runner) -> Runner:
    def checked(images: Floats) -> Mapping[str, NDArray[Any]]:
        outputs = run(images)
        wrong = [key for key, values in outputs.items() if not np.isfinite(values).all()]
        if wrong:
            raise not_finite(name, wrong)
        return outputs

    return checked


def not_finite(name: str, outputs: Sequence[str]) -> InvalidModel:
    """The error where a model's `outputs` hold NaN or infinity."""
    return InvalidModel(
        f"{name} gives numbers that are not finite ({', '.join(outputs)}): its weights are "
        "damaged, or too large for this backend"
    )


def source_of_model(model: Source) -> str | Path:
    """Where a model comes from: a converted one's file, else what was given."""
    return model.graph.source if isinstance(model, Converted) else model


def of_family(model: Source, spec: Spec | None, family: str) -> Spec:
    """The structure found in `model`; raises InvalidModel unless it is of `family`."""
    if isinstance(spec, PalmDetectorSpec if family == "palm" else HandLandmarksSpec):
        return spec
    other = "palm" if isinstance(spec, PalmDetectorSpec) else "hand"
    found = "a model of no known family" if spec is None else WANTED[other]
    raise InvalidModel(f"{source_of_model(model)}: is {found}, expected {WANTED[family]}")
