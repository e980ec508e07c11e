"""The module that onnx2torch made, eager. See `serving`."""

from pathlib import Path

import no_torchvision  # noqa: F401, before onnx2torch
import onnx
import torch
from serving import Network, serve


def open_network(folder: Path, threads: int) -> Network:
    torch.set_num_threads(threads)
    module = torch.load(folder / "model.pt", weights_only=False).eval()  # made here a minute ago
    (given,) = onnx.load(folder / "model.onnx").graph.input
    channels_first = given.type.tensor_type.shape.dim[1].dim_value == 3

    def run(images):
        with torch.inference_mode():
            found = module(torch.from_numpy(images))
        return [found] if isinstance(found, torch.Tensor) else list(found)

    return Network(run, channels_first)


serve(open_network)
