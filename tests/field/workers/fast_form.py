"""`blazepalm.fast`'s module of a converted folder, for the workers that serve a form of it."""

from functools import cache
from pathlib import Path

import torch
from serving import Network, serve

import blazepalm


def serve_form(form: str | None = None) -> None:
    """Serves this form (see `serving`); None: the one that it chooses, for one image and for a
    batch.
    """

    def open_network(folder: Path, threads: int) -> Network:
        torch.set_num_threads(threads)
        module = blazepalm.load(folder / "converted").eval()

        @cache
        def chosen(batch):
            return blazepalm.fast(module, form, batch=batch)

        def run(images):
            forward = chosen(1 if len(images) == 1 else 32)
            with torch.inference_mode():
                return [value for value in forward(torch.from_numpy(images)) if value is not None]

        return Network(run, channels_first=True)

    serve(open_network)
