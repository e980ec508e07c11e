"""How much memory one file may take, beyond the file itself: its constants when they are expanded,
and the values that it computes.

Sparse, narrow or shared buffers expand: halves to twice their bytes, a pruned kernel to ten times.
A few bytes can ask for a result of any size. A small file must not make us allocate gigabytes.
"""

import math

from blazepalm.converter.tflite.graph import Graph, StoredModel
from blazepalm.errors import InvalidModel
from blazepalm.models.spec_check import MAX_VALUES

FREE_BYTES = 1 << 26  # for any file; beyond it, at most so many times the file's size:
MAX_UNFOLDING = 16
MAX_TENSOR_BYTES = 1 << 31  # bytes


class Budget:
    """The bytes that are left; checked before anything is allocated."""

    def __init__(self, model: StoredModel) -> None:
        self.source = model.source
        self.left = FREE_BYTES + MAX_UNFOLDING * model.size

    def spend(self, size: int, tensor: object) -> None:
        """Raises InvalidModel if `tensor` needs more bytes than are left."""
        self.left -= size
        if size > MAX_TENSOR_BYTES or self.left < 0:
            raise InvalidModel(
                f"{self.source}: tensor {tensor} would expand to {size} bytes, out of proportion "
                "to the file"
            )


def check_values(graph: Graph) -> None:
    """Raises InvalidModel if the graph's inputs and results together have more than `MAX_VALUES`
    values. The shapes are the file's; its operators are held to them when they are lowered.
    """
    computed = {t for op in graph.operators for t in op.outputs if t >= 0}
    tensors = [graph.tensors[t] for t in sorted(computed | set(graph.inputs))]
    sizes = [math.prod(tensor.shape) for tensor in tensors]
    if sum(sizes) > MAX_VALUES:
        size, largest = max(zip(sizes, tensors, strict=True), key=lambda pair: pair[0])
        raise InvalidModel(
            f"{graph.source}: computes {sum(sizes)} values, {size} of them in {largest} of shape "
            f"{list(largest.shape)}; at most {MAX_VALUES} are allowed, so give it smaller inputs"
        )
