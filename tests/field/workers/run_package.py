"""A Core ML package in blazepalm's executor. See `serving`."""

from pathlib import Path

import torch
from serving import Network, serve

from blazepalm.reports.backends.mil import load


def open_network(folder: Path, threads: int) -> Network:
    torch.set_num_threads(threads)
    (package,) = folder.glob("*.mlpackage")
    program = load(package)
    (given,) = program.inputs

    def run(images):
        return list(program.run({given.name: images}).values())

    return Network(run, channels_first=given.type.shape[1] == 3)


serve(open_network)
