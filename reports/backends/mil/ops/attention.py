"""`scaled_dot_product_attention` (iOS 18).

coremltools/converters/mil/mil/ops/defs/iOS18/transformers.py: softmax(query·keyᵀ / √E +
mask)·value; a boolean mask keeps what is true. Computed in float32, rounded at the end.
"""

import math

import torch

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("scaled_dot_product_attention")
def scaled_dot_product_attention(call: Call) -> Kernel:
    """query (…, L, E), key (…, S, E), value (…, S, V) → (…, L, V)."""
    call.needs("query", "key", "value")
    if call.sums_in_float16:
        raise call.unsupported("with a float16 accumulator")

    def run(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        batch = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
        require_size((*batch, query.shape[-2], key.shape[-2]))
        require_size((*batch, query.shape[-2], value.shape[-1]))
        for operand in (query, key, value):  # torch repeats one for each of the others' matrices
            require_size((*batch, *operand.shape[-2:]))
        likeness = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        if mask is not None and mask.dtype == torch.bool:
            likeness = likeness.masked_fill(~mask, -math.inf)  # of the shape of likeness
        elif mask is not None:
            require_size(torch.broadcast_shapes(likeness.shape, mask.shape))
            likeness = likeness + mask
        return torch.softmax(likeness, -1) @ value

    return call.kernel(run, "query", "key", "value", "attn_mask")
