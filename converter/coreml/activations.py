"""Stores values between layers as 8-bit integers: coremltools puts `quantize` and `dequantize`
before each convolution, matrix, pooling and addition, by the range that each value had when it was
measured. The decoder's values stay as they are.
"""

from collections.abc import Mapping
from typing import Any

from blazepalm.converter.coreml.compress import DECODE

Range = tuple[float, float]


def quantise_activations(program: Any, ranges: Mapping[str, Range]) -> None:
    """Changes a MIL program in place; `ranges`: the lowest and highest number of each value, by its
    name in the program. Values without a range stay as they are.
    """
    from coremltools.converters.mil.mil import Builder as mb  # noqa: N813 (its name everywhere)
    from coremltools.converters.mil.mil.passes.helper import block_context_manager
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY
    from coremltools.optimize import coreml as optimise
    from coremltools.optimize.coreml import _quantization_passes as passes

    linear = optimise.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8")
    insert = passes.insert_prefix_quantize_dequantize_pair(optimise.OptimizationConfig(linear))
    insert.activation_stats = {
        name: {"rmin": low, "rmax": high} for name, (low, high) in ranges.items()
    }

    def is_measured(op: Any) -> bool:
        read = [op.inputs[key] for key in ("x", "y") if key in op.inputs]
        return (
            op.op_type in insert.SUPPORTED_OP_TYPES
            and not op.name.startswith(DECODE)
            and all(value.name in ranges for value in read)
        )

    def run(block: Any) -> None:
        for op in [op for op in block.operations if is_measured(op)]:
            with mb.set_before_op(op):
                insert.transform_op(op)

    block_context_manager(run)(program.functions["main"])
    PASS_REGISTRY["common::dead_code_elimination"](program)
