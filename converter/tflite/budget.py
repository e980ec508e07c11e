"""How much memory one file's constants may expand to, beyond the file itself.

Sparse, narrow or shared buffers expand: halves to twice their bytes, a pruned kernel to ten times.
A small file must not make us allocate gigabytes.
"""

from blazepalm.converter.tflite.graph import StoredModel
from blazepalm.errors import InvalidModel

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
