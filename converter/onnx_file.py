"""A converted model → an ONNX file of its torch module, checked in ONNX Runtime before it is
written (extra `onnx`).

float32, opset 18, images N×3×H×W in any batch size, outputs under their readable names, weights
under the module's. A graph of no known family keeps its own inputs and batch size. torch's older
exporter writes it: the newer one takes ten times as long, and records where the source code lies.
"""

import importlib.util
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.errors import ArtifactError, CouldNotVerify, InvalidModel, first_line
from blazepalm.models.gesture_spec import CLASSIFIER, EMBEDDER, gesture_spec_to_dict
from blazepalm.models.spec_json import spec_to_dict
from blazepalm.version import __version__

if TYPE_CHECKING:
    from torch import Tensor, nn

    from blazepalm.converter.converted import Converted

OPSET = 18
BATCHES = (1, 3)  # of the images that check the file
# Of an output's peak: 800 spacings of float32, far more than sums in another order cost, while a
# wrong operator costs hundredths.
TOLERANCE = 1e-4
SIGMOID = 1e-6  # the runtime's sigmoid is a polynomial, right to some 1e-7 however small it is
GESTURE_INPUTS = {EMBEDDER: "landmarks", CLASSIFIER: "embedding"}
NUMBERED = "onnx::"  # how torch's exporter names a tensor that it reshaped
QUIET = 4  # ONNX Runtime's log: fatal errors only


def missing_onnx() -> str | None:
    """How to install ONNX and its runtime, or None if both are installed. Imports neither."""
    if all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime")):
        return None
    return "ONNX Runtime is not installed; install it with: pip install 'blazepalm[onnx]'"


def need_onnx() -> None:
    """Raises CouldNotVerify without ONNX and its runtime."""
    if (reason := missing_onnx()) is not None:
        raise CouldNotVerify(reason)


def open_session(file: Path | bytes, source: str) -> Any:
    """ONNX Runtime's session of a file or its bytes, on the CPU, one thread a call; `source` names
    it in messages. Raises CouldNotVerify without the runtime, InvalidModel if it refuses the file.
    """
    need_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    given = file if isinstance(file, bytes) else str(file)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class but this
        raise InvalidModel(f"{source}: ONNX Runtime cannot load it: {first_line(error)}") from error


def write_onnx(model: "Converted", path: Path) -> None:
    """Writes the file; the same model gives the same bytes. Raises CouldNotVerify without ONNX
    Runtime, ArtifactError if the file does not hold the weights or compute what the module does.
    """
    need_onnx()
    import torch

    module = model.module.eval()
    known = model.recognition is not None or model.gesture is not None
    inputs = _inputs(model, BATCHES[0])
    with torch.no_grad():
        answers = _answers(module, inputs, model.outputs)
    fields = [name for name, value in answers.items() if value is not None]
    names = [f"input_{i}" for i in range(len(inputs))]
    if model.gesture is not None:
        names = [GESTURE_INPUTS[model.gesture.family]]
    elif known:
        names = ["image"]
    axes = {name: {0: "batch"} for name in (*names, *fields)} if known else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls this exporter old
        torch.onnx.export(
            _tuple_of(module),
            tuple(inputs),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=fields,
            dynamic_axes=axes,
        )
    content = _finished(path.read_bytes(), model)
    _check_weights(content, module, path)
    for batch in BATCHES if known else BATCHES[:1]:
        given = dict(zip(names, _inputs(model, batch), strict=True))
        _check_values(content, module, given, model.outputs, path)
    path.write_bytes(content)


def _inputs(model: "Converted", batch: int) -> list["Tensor"]:
    """Seeded images in the model's range, or numbers for the inputs that the module takes."""
    import torch

    if model.gesture is not None:
        _, *values = model.graph.tensors[model.graph.inputs[model.gesture.input]].shape
        generator = np.random.Generator(np.random.PCG64(0))
        return [torch.from_numpy(generator.random((batch, *values), np.float32))]

    spec = None if model.recognition is None else model.recognition.spec
    low, high = (0.0, 1.0) if spec is None else spec.value_range
    tensors = [model.graph.tensors[t] for t in model.graph.inputs]
    shapes = [t.shape for t in tensors] if spec is None else [(batch, 3, *spec.input_size)]
    generator = np.random.Generator(np.random.PCG64(0))
    drawn = (generator.random(shape, np.float32) for shape in shapes)
    return [torch.from_numpy(low + values * np.float32(high - low)) for values in drawn]


def _tuple_of(module: "nn.Module") -> "nn.Module":
    """The module with a plain tuple of the outputs that it has, its weights' names unchanged."""
    from torch import Tensor, nn

    class Outputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._modules.update(module._modules)
            self._parameters.update(module._parameters)
            self._buffers.update(module._buffers)

        def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
            found = module(*given)
            values = (found,) if isinstance(found, Tensor) else found
            return tuple(value for value in values if value is not None)

    return Outputs().eval()


def _answers(
    module: "nn.Module", inputs: Iterable["Tensor"], outputs: tuple[str, ...]
) -> dict[str, Any]:
    """What the module gives by name; `outputs` names what has no name of its own."""
    import torch

    found = module(*inputs)
    if isinstance(found, torch.Tensor):
        return dict(zip(outputs, (found,), strict=True))
    return dict(zip(found._fields, found, strict=True))


def _finished(content: bytes, model: "Converted") -> bytes:
    """The file with the model's origin, structure and value range in its metadata, and weights that
    the exporter numbered (`onnx::PRelu_1`) under their names.
    """
    import onnx

    proto = onnx.load_from_string(content)
    numbered = {
        onnx.numpy_helper.to_array(tensor).tobytes(): tensor
        for tensor in proto.graph.initializer
        if tensor.name.startswith(NUMBERED)
    }
    names = {}
    for name, value in model.module.named_parameters():
        tensor = numbered.pop(value.detach().cpu().numpy().tobytes(), None)
        if tensor is not None:
            names[tensor.name] = tensor.name = name
    for node in proto.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)
    facts = {"blazepalm.version": __version__, "blazepalm.source_sha256": model.graph.sha256}
    if model.release is not None:
        facts["blazepalm.release"] = model.release.name
    if model.gesture is not None:
        found_spec = gesture_spec_to_dict(model.gesture.spec)
        facts["blazepalm.spec"] = json.dumps(found_spec, sort_keys=True)
    if model.recognition is not None:
        spec = model.recognition.spec
        facts["blazepalm.spec"] = json.dumps(spec_to_dict(spec), sort_keys=True)
        facts["blazepalm.value_range"] = "{:g},{:g}".format(*spec.value_range)
    onnx.helper.set_model_props(proto, facts)
    found: bytes = proto.SerializeToString(deterministic=True)
    return found


def _check_weights(content: bytes, module: "nn.Module", path: Path) -> None:
    """Raises ArtifactError unless every weight is in the file, bit for bit; its name may be that of
    another of the same values, which are stored once.
    """
    import onnx

    graph = onnx.load_from_string(content).graph
    held = {onnx.numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer}
    for name, value in module.named_parameters():
        if value.detach().cpu().numpy().tobytes() not in held:
            raise ArtifactError(f"{path.name}: torch's exporter did not keep the weight {name}")


def _check_values(
    content: bytes,
    module: "nn.Module",
    inputs: Mapping[str, "Tensor"],
    outputs: tuple[str, ...],
    path: Path,
) -> None:
    """Raises ArtifactError unless ONNX Runtime computes what the module does."""
    import torch

    with torch.no_grad():
        answers = _answers(module, inputs.values(), outputs)
    expected = {name: value.numpy() for name, value in answers.items() if value is not None}
    session = open_session(content, path.name)
    given = {name: value.numpy() for name, value in inputs.items()}
    found = dict(zip(expected, session.run(list(expected), given), strict=True))
    for name, wanted in expected.items():
        value = found[name]
        same = value.shape == wanted.shape
        apart = float(np.abs(value - wanted).max(initial=0.0)) if same else float("inf")
        limit = TOLERANCE * float(np.abs(wanted).max(initial=0.0)) + SIGMOID
        if not apart <= limit:
            raise ArtifactError(
                f"{path.name}: in ONNX Runtime output {name} is {apart:.3g} from the module's, at "
                f"most {limit:.3g} is float32's noise"
            )
