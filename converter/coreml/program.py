"""Torch module → ML program: traced, translated by coremltools, cut down by our passes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.coreml.options import CoreMLOptions, Port
from blazepalm.converter.coreml.ports import MOST_REGIONS

if TYPE_CHECKING:
    from torch import nn


def build(
    module: "nn.Module",
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    options: CoreMLOptions,
    package: Path,
    *,
    tidy: bool,
) -> Any:
    """The `coremltools.models.MLModel`, its files at `package` (a path ending .mlpackage).
    `tidy`: the module was made operator by operator, and more passes may find something.
    """
    import coremltools as ct
    import torch

    from blazepalm.converter.coreml.passes import pipeline

    examples = tuple(torch.zeros(port.shape) for port in inputs)
    with torch.no_grad():
        traced = torch.jit.trace(module, examples, check_trace=False)
    precision: Any = ct.precision.FLOAT32
    if options.precision == "fp16":
        precision = ct.transform.FP16ComputePrecision(op_selector=lambda op: not in_decode(op))
    return ct.convert(
        traced,
        source="pytorch",
        convert_to="mlprogram",
        inputs=[_input(port, options.face) for port in inputs],
        outputs=[ct.TensorType(name=port.name, dtype=np.float32) for port in outputs],
        minimum_deployment_target=getattr(ct.target, options.target),
        compute_precision=precision,
        pass_pipeline=pipeline(tidy, options.precision == "fp16", options.compress),
        skip_model_load=True,
        package_dir=str(package),
    )


def in_decode(op: Any) -> bool:
    """Whether an operation came out of the `decode` of a face: it stays in float32, where the
    outputs are cast to anyway. float16 would cost 0.05 pixels of a detector's input.
    """
    from coremltools.converters.mil.mil.scope import ScopeSource

    return "decode" in op.scopes.get(ScopeSource.TORCHSCRIPT_MODULE_NAME, ())[:1]


def _input(port: Port, face: str) -> Any:
    import coremltools as ct

    if port.kind == "image":
        return ct.ImageType(name=port.name, shape=port.shape, color_layout=ct.colorlayout.RGB)
    shape: Any = port.shape
    if face == "batch":
        shapes = [(n, *port.shape[1:]) for n in range(1, MOST_REGIONS + 1)]
        shape = ct.EnumeratedShapes(shapes, default=shapes[0])
    return ct.TensorType(name=port.name, shape=shape, dtype=np.float32)
