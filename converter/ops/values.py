"""A run-time tensor while a graph is lowered: its TFLite shape, and its torch proxies, in one order
of axes or both.
"""

from dataclasses import dataclass

from torch import Tensor

from blazepalm.converter.ops.recording import node_of

TO_CHANNELS_FIRST = (0, 3, 1, 2)  # N H W C → N C H W
TO_CHANNELS_LAST = (0, 2, 3, 1)  # N C H W → N H W C


@dataclass
class Value:
    """`orders` holds the value's proxies, keyed by whether the axes are N, C, H, W; the other order
    is added once an operator asks for it.
    """

    shape: tuple[int, ...]
    channels_first: bool  # the order that suits the value
    batched: bool  # the first axis counts images
    orders: dict[bool, Tensor]

    def ordered(self, channels_first: bool) -> Tensor:
        """The value in this order of axes, permuted if necessary. A graph input is also copied: one
        copy there keeps every later operator on contiguous memory.
        """
        if channels_first not in self.orders:
            axes = TO_CHANNELS_FIRST if channels_first else TO_CHANNELS_LAST
            other = self.orders[not channels_first]
            turned = other.permute(*axes)
            if node_of(other).op == "placeholder":
                turned = turned.contiguous()
            self.orders[channels_first] = turned
        return self.orders[channels_first]

    def flat(self) -> Tensor:
        """The value with its elements in TFLite's order and its axes in any: the starting point of
        a reshape. If H·W or C is 1, the two orders are the same.
        """
        if False not in self.orders and 1 in (self.shape[1] * self.shape[2], self.shape[3]):
            return self.orders[True]
        return self.ordered(False)
