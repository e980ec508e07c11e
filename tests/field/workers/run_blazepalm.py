"""blazepalm's module of a converted folder, eager. See `serving`."""

from pathlib import Path

import torch
from serving import Network, serve

import blazepalm


def open_network(folder: Path, threads: int) -> Network:
    torch.set_num_threads(threads)
    module = blazepalm.load(folder / "converted").eval()

    def run(images):
        with torch.inference_mode():
            return [value for value in module(torch.from_numpy(images)) if value is not None]

    readable = isinstance(module, blazepalm.PalmDetector | blazepalm.HandLandmarks)
    return Network(run, channels_first=readable)  # a general graph takes what its file does


serve(open_network)
