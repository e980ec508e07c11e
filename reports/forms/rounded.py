"""What a network in bfloat16 costs: its error on two rendered hands, against the same module in
float32, in pixels of its input, and against float64, in floors (see `measure`).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.evidence.pictures import crops, letterboxed
from blazepalm.models.crop import to_range
from blazepalm.models.palm_detector import PalmDetector
from blazepalm.reports.forms.measure import errors

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from blazepalm.models.batched.pipeline import Network


def rounded_error(name: str, module: Any, network: "Network", device: "torch.device") -> str:
    """What bfloat16 costs, as a sentence: `palm-full in bf16: palms of rendered hands move by up to
    0.3 of 192 pixels, values by 2e+04 × float32's own error`. `module` is in float32 on the CPU,
    `network` the same in bfloat16 on `device`.
    """
    import torch

    spec = module.spec
    palm = isinstance(module, PalmDetector)
    seen = (letterboxed if palm else crops)(spec.input_size)[:2]  # the third shows no hand
    stacked = np.stack([to_range(picture.pixels, spec.value_range) for picture in seen])
    images = torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()

    with torch.no_grad():
        plain = module(images)
        found = {key: values.cpu() for key, values in network(images.to(device)).items()}

    def again(given: "Tensor") -> "tuple[Tensor, ...]":
        return tuple(values[: len(given)] for values in found.values())

    if palm:
        likely = plain.scores[..., 0].sigmoid() >= spec.score_threshold
        away = (found["boxes"] - plain.boxes)[likely].unflatten(1, (-1, 2))  # (A, 2 + K, 2)
        away = torch.cat((away[:, :1], away[:, 2:]), dim=1)  # without width and height
        what = "palms"
    else:
        away = (found["landmarks"] - plain.landmarks).unflatten(1, (-1, 3))[..., :2]
        what = "landmarks"
    pixels = float(away.norm(dim=-1).max()) if away.numel() else 0.0
    floors = errors(module, {name: again}, images)[name]
    return (
        f"{name} in bf16: {what} of rendered hands move by up to {pixels:.2g} of "
        f"{spec.input_size[1]} pixels, values by {floors:.2g} × float32's own error"
    )
