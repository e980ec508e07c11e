"""The form that `blazepalm.fast` chooses for one image, and for a batch. See `serving`."""

from functools import cache
from pathlib import Path

import torch
from serving import Network, serve

import blazepalm


def open_network(folder: Path, threads: int) -> Network:
    torch.set_num_threads(threads)
    module = blazepalm.load(folder / "converted").eval()

    @cache
    def chosen(batch):
        return blazepalm.fast(module, batch=batch)

    def run(images):
        forward = chosen(1 if len(images) == 1 else 32)
        with torch.inference_mode():
            return [value for value in forward(torch.from_numpy(images)) if value is not None]

    return Network(run, channels_first=True)


serve(open_network)
