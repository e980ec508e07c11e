"""A readable module in OpenVINO, Intel's runtime for processors (extra `openvino`), in float32.

Converting it takes some seconds; the converted network is kept (`program_cache`) as OpenVINO's own
files, the XML of its structure and its weights, in one archive.
"""

import importlib.util
import io
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter import program_cache
from blazepalm.converter.pte import plain_outputs
from blazepalm.converter.pte_cache import module_key
from blazepalm.errors import CouldNotVerify, first_line
from blazepalm.models.spec_json import spec_to_dict

if TYPE_CHECKING:
    from torch import Tensor

FILES = XML, WEIGHTS = "network.xml", "network.bin"
DECIDING = ("openvino", "torch")


@dataclass(frozen=True)
class Network:
    """A network that OpenVINO has read: its `Core` and its `Model`."""

    core: Any
    model: Any

    def compiled(self, streams: int, threads: int) -> "Callable[[Tensor], Sequence[Tensor]]":
        """A function of one image, (1, 3, H, W), for as many callers at a time as `streams`."""
        import torch

        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = self.core.compile_model(self.model, "CPU", settings)
        own = threading.local()  # each caller's request

        def run(image: "Tensor") -> "Sequence[Tensor]":
            if not hasattr(own, "request"):
                own.request = compiled.create_infer_request()
            found = own.request.infer([image.contiguous().numpy()], share_inputs=True)
            return [torch.from_numpy(found[output]) for output in compiled.outputs]

        return run


def missing_openvino() -> str | None:
    """How to install OpenVINO, or None if it is installed. Does not import it."""
    if importlib.util.find_spec("openvino") is not None:
        return None
    return "OpenVINO is not installed; install it with: pip install 'blazepalm[openvino]'"


def open_network(module: Any, shape: tuple[int, ...]) -> Network:
    """The module for images of this shape, from the cache if it is there.

    Raises CouldNotVerify where OpenVINO is missing or cannot take the module.
    """
    if (reason := missing_openvino()) is not None:
        raise CouldNotVerify(reason)
    import openvino

    structure, code = spec_to_dict(module.spec), "reports/forms/openvino.py"
    key = module_key(module, (shape,), structure, DECIDING, code)
    try:
        content = program_cache.kept_program("openvino", key, lambda: converted(module, shape))
        core = openvino.Core()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            network, weights = (archive.read(name) for name in FILES)
        return Network(core, core.read_model(network, weights))
    except RuntimeError as error:
        name = type(module).__name__
        raise CouldNotVerify(f"{name}: OpenVINO cannot take it: {first_line(error)}") from error


def converted(module: Any, shape: tuple[int, ...]) -> bytes:
    """The network's files in an archive, with the weights as they are."""
    import openvino
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's tracing
        example = torch.zeros(shape)
        model = openvino.convert_model(plain_outputs(module), example_input=example, input=[shape])
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        openvino.save_model(model, Path(made) / XML, compress_to_fp16=False)
        with zipfile.ZipFile(packed, "w") as archive:
            for name in FILES:
                archive.writestr(zipfile.ZipInfo(name), (Path(made) / name).read_bytes())
    return packed.getvalue()
