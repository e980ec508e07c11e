"""`linear`, `matmul`, `einsum`: sums of products without windows.

coremltools/converters/mil/mil/ops/defs/iOS15/linear.py. Integers are
allowed, too: torch's matrix product on a CPU takes them, `F.linear` with a bias does not.
"""

import torch
import torch.nn.functional as F

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.sequence import MATMULS, Matmul


@executes("linear")
def linear(call: Call) -> Kernel:
    """x (…, D_in) × weight (D_out, D_in) transposed, plus bias (D_out)."""
    call.needs("x", "weight")
    in_sequence = MATMULS.get(call.sums)
    if in_sequence is not None:

        def run_in_sequence(
            x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
        ) -> torch.Tensor:
            _check_linear(x, weight, bias)
            rows = in_sequence(x.reshape(-1, x.shape[-1]), weight.T)
            total = rows.reshape(*x.shape[:-1], weight.shape[0])
            return total if bias is None else total + bias

        return call.kernel(run_in_sequence, "x", "weight", "bias")
    is_float = call.storage_type.is_floating_point

    def run(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        _check_linear(x, weight, bias)
        if is_float:
            return F.linear(x, weight, bias)
        total = torch.matmul(x, weight.T)
        return total if bias is None else total + bias

    return call.kernel(run, "x", "weight", "bias")


def _check_linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    require_size((*x.shape[:-1], weight.shape[0]))
    if bias is not None and bias.shape not in ((), weight.shape[:1]):
        raise ValueError(f"a bias of shape {list(bias.shape)} for {weight.shape[0]} outputs")


@executes("matmul")
def matmul(call: Call) -> Kernel:
    """numpy's matmul; `transpose_x`, `transpose_y` swap the last two axes of rank 2 and more."""
    call.needs("x", "y")
    turn_x = call.flag("transpose_x") and call.rank("x") > 1
    turn_y = call.flag("transpose_y") and call.rank("y") > 1
    in_sequence = MATMULS.get(call.sums)

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        x = x.transpose(-1, -2) if turn_x else x
        y = y.transpose(-1, -2) if turn_y else y
        if x.dim() > 2 or y.dim() > 2:
            batch = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
            require_size((*batch, *x.shape[-2:][:1], *y.shape[-1:]))
            for operand in (x, y):  # torch repeats one for each of the other's matrices
                require_size((*batch, *operand.shape[-2:]))
        elif x.dim() == y.dim() == 2:
            require_size((x.shape[0], y.shape[1]))
        if in_sequence is None:
            return torch.matmul(x, y)
        rows = x[None] if x.dim() == 1 else x
        columns = y[:, None] if y.dim() == 1 else y
        result = in_sequence(rows, columns)
        result = result.squeeze(-2) if x.dim() == 1 else result
        return result.squeeze(-1) if y.dim() == 1 else result

    return call.kernel(run, "x", "y")


@executes("einsum")
def einsum(call: Call) -> Kernel:
    """`values` by `equation`; axes of length 1 are broadcast."""
    call.needs("values")
    equation = call.text("equation").replace(" ", "")
    in_sequence = MATMULS.get(call.sums)
    if in_sequence is not None:
        sides = equation.split("->")
        terms = sides[0].split(",")
        if len(sides) != 2 or len(terms) != 2 or "." in equation:
            raise call.unsupported(f"{equation!r} with {call.accumulation} sums")

        def run_in_sequence(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return _einsum(in_sequence, x, y, terms[0], terms[1], sides[1])

        return call.kernel(run_in_sequence, "values")

    def run(*values: torch.Tensor) -> torch.Tensor:
        _require_einsum(equation, values)
        return torch.einsum(equation, *values)

    return call.kernel(run, "values")


def _require_einsum(equation: str, values: tuple[torch.Tensor, ...]) -> None:
    """Bounds the result, and what stands between, by the axes of all operands together."""
    terms, _, out = equation.partition("->")
    sizes: dict[str, int] = {}
    for named, value in zip(terms.split(","), values, strict=True):
        for axis, size in zip(named, value.shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    require_size(tuple(sizes[axis] for axis in out))


def _einsum(
    matmul: Matmul, x: torch.Tensor, y: torch.Tensor, left: str, right: str, out: str
) -> torch.Tensor:
    """One axis that both share and the result has not; as a matrix product of the rest."""
    summed = [axis for axis in left if axis in right and axis not in out]
    if len(summed) != 1 or any(a not in out + summed[0] for a in left + right):
        raise InvalidModel(f"einsum {left},{right}->{out} is not a matrix product")
    axes = list(out)
    a = _spread(x, left, [*axes, summed[0]])
    b = _spread(y, right, [*axes, summed[0]])
    a, b = torch.broadcast_tensors(a, b)
    return matmul(a[..., None, :], b[..., :, None])[..., 0, 0]


def _spread(x: torch.Tensor, named: str, axes: list[str]) -> torch.Tensor:
    """`x` with its axes in the order of `axes`, of length 1 where it has none."""
    order = [named.index(axis) for axis in axes if axis in named]
    x = x.permute(order)
    for place, axis in enumerate(axes):
        if axis not in named:
            x = x.unsqueeze(place)
    return x
