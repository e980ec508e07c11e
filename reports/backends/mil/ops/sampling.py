"""`crop_resize`, `resample`, `affine`: sample pictures at computed positions.

coremltools/converters/mil/mil/ops/defs/{iOS15,iOS16,iOS17}/image_resizing.py. All use one function
that reads (N, C, H, W) at pixel positions. They differ outside the picture: `resample` folds
positions in, or blends with the padding value pixel by pixel; `crop_resize` takes the padding value
alone. For `crop_resize` the interval of a grid is the box, and its extent Xin − 1.
"""

import torch

from blazepalm.reports.backends.mil.bounds import from_zero, require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

PADDINGS = ("constant", "border", "reflection", "symmetric")
COORDINATES = ("unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one")
SAMPLING = (
    "STRICT_ALIGN_CORNERS",
    "ALIGN_CORNERS",
    "DEFAULT",
    "OFFSET_CORNERS",
    "UNALIGN_CORNERS",
)
BOX_MODES = (
    "CORNERS_HEIGHT_FIRST",
    "CORNERS_WIDTH_FIRST",
    "CENTER_SIZE_HEIGHT_FIRST",
    "CENTER_SIZE_WIDTH_FIRST",
)


def _fold(position: torch.Tensor, size: int, padding: str) -> torch.Tensor:
    """Folds positions outside 0..size − 1 in, as `padding` specifies."""
    if padding == "reflection":
        period = 2 * (size - 1)
        if period == 0:
            return torch.zeros_like(position)
        position = torch.remainder(position, period)
        return torch.minimum(position, period - position)
    if padding == "symmetric":
        position = torch.remainder(position + 0.5, 2 * size)
        position = torch.minimum(position, 2 * size - position) - 0.5
    return position.clamp(0, size - 1)


def _pick(x: torch.Tensor, row: torch.Tensor, column: torch.Tensor, fill: float) -> torch.Tensor:
    """x (N, C, H, W) at integer positions (N, …), `fill` outside → (N, C, …)."""
    height, width = x.shape[-2:]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    linear = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    flat = linear.long().reshape(x.shape[0], 1, -1).expand(-1, x.shape[1], -1)
    taken = torch.gather(x.flatten(2), 2, flat).reshape(*x.shape[:2], *row.shape[1:])
    return torch.where(inside[:, None], taken, fill)


def sample(
    x: torch.Tensor, row: torch.Tensor, column: torch.Tensor, *, nearest: bool, fill: float
) -> torch.Tensor:
    """x (N, C, H, W) at pixel positions (N, …) → (N, C, …); neighbours outside are `fill`."""
    if nearest:
        return _pick(x, row.round(), column.round(), fill)
    top, left = row.floor(), column.floor()
    down, right = (row - top)[:, None], (column - left)[:, None]
    upper = torch.lerp(_pick(x, top, left, fill), _pick(x, top, left + 1, fill), right)
    lower = torch.lerp(_pick(x, top + 1, left, fill), _pick(x, top + 1, left + 1, fill), right)
    return torch.lerp(upper, lower, down)


def _pixels(position: torch.Tensor, size: int, mode: str, align: bool) -> torch.Tensor:
    """Coordinates in `coordinates_mode` → pixel positions."""
    if mode == "unnormalized":
        return position
    if mode == "normalized_minus_one_to_one":
        position = (position + 1) / 2
    return position * (size - 1) if align else position * size - 0.5


@executes("resample")
def resample(call: Call) -> Kernel:
    """x at `coordinates` (N, H, W, 2), each (x, y)."""
    call.needs("x", "coordinates")
    nearest = call.text("sampling_mode", among=("bilinear", "nearest")) == "nearest"
    padding = call.text("padding_mode", among=PADDINGS)
    fill = call.number("padding_value") if padding == "constant" else 0.0
    mode = call.text("coordinates_mode", among=COORDINATES)
    align = call.flag("align_corners")

    def run(x: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2:]
        require_size((*x.shape[:2], *coordinates.shape[1:3]))
        column, row = coordinates.float().unbind(-1)
        row = _pixels(row, height, mode, align)
        column = _pixels(column, width, mode, align)
        if padding != "constant":
            row, column = _fold(row, height, padding), _fold(column, width, padding)
        return sample(x, row, column, nearest=nearest, fill=fill)

    return call.kernel(run, "x", "coordinates")


@executes("affine")
def affine(call: Call) -> Kernel:
    """x at x' = a0·x + a1·y + a2, y' = b0·x + b1·y + b2 for each point of the output's grid."""
    call.needs("x", "transform_matrix")
    height, width = call.integer("output_height"), call.integer("output_width")
    mode = call.text("coordinates_mode", among=COORDINATES)
    padding = call.text("padding_mode", among=PADDINGS)
    nearest = call.text("sampling_mode", among=("bilinear", "nearest")) == "nearest"
    align = call.flag("align_corners")
    if mode != "normalized_minus_one_to_one" or not align:
        raise call.unsupported("coordinates other than −1..1 with aligned corners")
    fill = call.number("padding_value", 0.0)

    def run(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        require_size((*x.shape[:2], height, width))
        matrix = matrix.float().expand(x.shape[0], 6)[:, :, None, None]
        across = torch.linspace(-1, 1, width)[None, None, :]
        down = torch.linspace(-1, 1, height)[None, :, None]
        column = matrix[:, 0] * across + matrix[:, 1] * down + matrix[:, 2]
        row = matrix[:, 3] * across + matrix[:, 4] * down + matrix[:, 5]
        row = _pixels(row, x.shape[-2], mode, align)
        column = _pixels(column, x.shape[-1], mode, align)
        if padding != "constant":
            row, column = _fold(row, x.shape[-2], padding), _fold(column, x.shape[-1], padding)
        return sample(x, row, column, nearest=nearest, fill=fill)

    return call.kernel(run, "x", "transform_matrix")


def _along(low: torch.Tensor, high: torch.Tensor, count: int, mode: str) -> torch.Tensor:
    """The `count` positions at which a box from `low` to `high` (N,) is sampled → (N, count)."""
    steps = torch.arange(count, dtype=torch.float32)
    low, extent = low[:, None], (high - low)[:, None]
    if mode == "OFFSET_CORNERS":
        return low + (steps + 0.5) * extent.clamp(min=1) / count
    if mode == "UNALIGN_CORNERS":
        return low + (steps + 0.5) * (extent + 1) / count - 0.5
    if mode == "DEFAULT":
        return low + steps * (extent + 1) / count
    if count == 1:
        return low + (extent / 2 if mode == "ALIGN_CORNERS" else 0)
    return low + steps * extent / (count - 1)


@executes("crop_resize")
def crop_resize(call: Call) -> Kernel:
    """Crops boxes from pictures and resizes each. From iOS 17 on `boxes` (N, 4) and `box_indices`
    (N,) → (N, C, H, W); before, `roi` (N, 1, 4 or 5, 1, 1) → (N, B or 1, C, H, W).
    """
    height, width = call.integer("target_height", 1), call.integer("target_width", 1)
    normalised = call.flag("normalized_coordinates")
    scale = call.number("spatial_scale", 1.0)
    box_mode = call.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST", among=BOX_MODES)
    mode = call.text("sampling_mode", "DEFAULT", among=SAMPLING)
    fill = call.number("pad_value", 0.0)

    def cut(x: torch.Tensor, boxes: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """boxes (N, 4), which (N,) → (N, C, height, width)."""
        require_size((boxes.shape[0], x.shape[1], height, width))
        require_size((boxes.shape[0], *x.shape[1:]))
        boxes = boxes.float() * scale
        if "WIDTH" in box_mode:
            boxes = boxes[:, [1, 0, 3, 2]]
        first, second = boxes[:, :2], boxes[:, 2:]
        if "CENTER" in box_mode:
            first, second = first - second / 2, first + second / 2
        rows, columns = x.shape[-2:]
        if normalised:
            size = torch.tensor([rows - 1.0, columns - 1.0])
            first, second = first * size, second * size
        row = _along(first[:, 0], second[:, 0], height, mode)[:, :, None]
        column = _along(first[:, 1], second[:, 1], width, mode)[:, None, :]
        row, column = torch.broadcast_tensors(row, column)
        inside = (row >= 0) & (row <= rows - 1) & (column >= 0) & (column <= columns - 1)
        crops = sample(x[which], row, column, nearest=False, fill=0.0)
        return torch.where(inside[:, None], crops, fill)

    if call.has("boxes"):
        call.needs("x")

        def run(
            x: torch.Tensor, boxes: torch.Tensor, indices: torch.Tensor | None = None
        ) -> torch.Tensor:
            which = torch.arange(boxes.shape[0]) if indices is None else indices
            return cut(x, boxes, from_zero(which, x.shape[0]))

        return call.kernel(run, "x", "boxes", "box_indices")
    call.needs("x", "roi")

    def run_rois(x: torch.Tensor, roi: torch.Tensor) -> torch.Tensor:
        flat = roi.reshape(roi.shape[0], -1)
        count, batch = flat.shape[0], x.shape[0]
        if flat.shape[1] == 5:
            return cut(x, flat[:, 1:], from_zero(flat[:, 0], batch))[:, None]
        which = torch.arange(batch).repeat(count)
        crops = cut(x, flat.repeat_interleave(batch, 0), which)
        return crops.reshape(count, batch, *crops.shape[1:])

    return call.kernel(run_rois, "x", "roi")
