"""Exports converted releases with litert-torch, in an environment of its own (litert-torch
pins other versions than this project). Run there, with the checkout on PYTHONPATH:

    python tests/support/export_litert_torch.py OUTPUT_FOLDER CONVERTED_FOLDER…

Each folder is one that `blazepalm convert` wrote; OUTPUT_FOLDER gets a `.tflite` of its name.
"""

import json
import sys
from pathlib import Path

import torch

from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.models.spec_json import spec_from_dict


class Plain(torch.nn.Module):
    """The outputs as a tuple, without those that the release lacks."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(value for value in self.network(images) if value is not None)


def readable(folder: Path) -> tuple[torch.nn.Module, tuple[int, int, int, int]]:
    """The module of a converted folder, and the shape of its input."""
    content = torch.load(folder / "model.pth", weights_only=True)
    spec = spec_from_dict(json.loads(content["structure"])["spec"])
    module = PalmDetector(spec) if isinstance(spec, PalmDetectorSpec) else HandLandmarks(spec)
    module.load_state_dict(content["state_dict"])
    return Plain(module.eval()), (1, 3, *spec.input_size)


def main(output: Path, folders: list[Path]) -> None:
    import litert_torch

    output.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        module, shape = readable(folder)
        exported = litert_torch.convert(module, (torch.zeros(shape),))
        exported.export(str(output / f"{folder.name}.tflite"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
