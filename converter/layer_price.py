"""What integers cost, layer by layer: plain data that `conversion.json` keeps and parity shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerPrice:
    """What a network costs if one layer alone computes in integers and all others in float32; for a
    whole file or package, `layer` is empty. `layer`: the operator's or module's path; `operation`:
    its kind. `used`: the largest share of a limit, None if a hand was lost or an output is not
    finite; `pixels`: the largest error of a landmark, or of a box's centre or size, in pixels of
    the input; `iou`: the least one of a detector's boxes, None for landmarks.
    """

    layer: str
    operation: str
    used: float | None
    pixels: float | None
    iou: float | None
