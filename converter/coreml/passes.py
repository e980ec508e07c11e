"""The graph passes that an export runs, and two of our own: a zero margin becomes part of
the convolution behind it, as in the TFLite file; a clip to 0..6 is called what it is.

coremltools' own list has 92 passes and checks the whole program after each; a converted hand
model needs these. Importing this file imports coremltools.
"""

import numpy as np
from coremltools import PassPipeline
from coremltools.converters.mil.mil import Block, Function, Operation, Program, Var
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813 (its name everywhere)
from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
from coremltools.converters.mil.mil.passes.helper import block_context_manager
from coremltools.converters.mil.mil.passes.pass_registry import register_pass

from blazepalm.converter.coreml.compress import compression

TIDY = (  # what a graph of no known family may need besides
    "common::noop_elimination",
    "common::const_elimination",
    "common::fuse_linear_bias",
    "common::fuse_conv_bias",
    "common::merge_consecutive_paddings",
    "common::merge_consecutive_reshapes",
    "common::merge_consecutive_transposes",
    "common::reduce_transposes",
    "common::remove_redundant_ops",
)
PASSES = (
    "common::dedup_op_and_var_names",  # no value is called as an input; float16 looks names up
    "common::noop_elimination",
    "common::remove_symbolic_reshape",  # a batch of any size is no computed shape
    "blazepalm::fuse_margin_into_conv",
    "blazepalm::clip_to_relu6",
)
FLOAT16 = ("common::add_fp16_cast",)
LAST = (
    "common::update_output_dtypes",
    "common::const_elimination",
    "common::cast_optimization",
    "common::topological_reorder",
    "common::dead_code_elimination",
)


def pipeline(tidy: bool, float16: bool, compress: str | None = None) -> PassPipeline:
    """The passes of an export, in order. `tidy`: the module is not one of ours. `compress`:
    one of `options.COMPRESSIONS`.
    """
    names = (*(TIDY if tidy else ()), *PASSES, *(FLOAT16 if float16 else ()), *LAST)
    passes = PassPipeline(list(names), "blazepalm")
    if compress is not None:
        name, config = compression(compress)
        passes.append_pass(name)
        passes.set_options(name, {"config": config})
    return passes


@register_pass(namespace="blazepalm")
class fuse_margin_into_conv(AbstractGraphPass):  # type: ignore[misc]  # noqa: N801
    """`pad` by zeros of height and width, then `conv` without → `conv` with its own pad."""

    def apply(self, prog: Program) -> None:
        for function in prog.functions.values():
            _fuse(function)


@block_context_manager  # type: ignore[untyped-decorator]
def _fuse(block: Block | Function) -> None:
    for op in list(block.operations):
        if op.op_type == "conv" and (margin := _margin(op)) is not None:
            pad = op.x.op
            inputs = {k: v for k, v in op.inputs.items() if v is not None}
            inputs.update(x=pad.x, pad_type="custom", pad=margin)
            fused = mb.conv(**inputs, before_op=op, name=op.name)
            _replace(block, op, fused)


def _margin(conv: Operation) -> np.ndarray | None:
    """(top, bottom, left, right) that `conv` can take over from the `pad` before it."""
    pad = conv.x.op
    if pad is None or pad.op_type != "pad" or pad.mode.val != "constant" or conv.x.rank != 4:
        return None
    if pad.pad.val is None or pad.constant_val.val != 0:
        return None
    if conv.pad_type.val == "valid":
        own = np.zeros(4, np.int32)
    elif conv.pad_type.val == "custom":
        own = conv.pad.val
    else:
        return None
    margin = np.asarray(pad.pad.val, np.int32)
    if margin.size < 4 or margin[:-4].any() or (margin < 0).any():
        return None
    return own + margin[-4:]


@register_pass(namespace="blazepalm")
class clip_to_relu6(AbstractGraphPass):  # type: ignore[misc]  # noqa: N801
    """`clip` from 0 to 6 → `relu6`."""

    def apply(self, prog: Program) -> None:
        for function in prog.functions.values():
            _rename_clips(function)


@block_context_manager  # type: ignore[untyped-decorator]
def _rename_clips(block: Block | Function) -> None:
    for op in list(block.operations):
        if op.op_type == "clip" and op.alpha.val == 0 and op.beta.val == 6:
            _replace(block, op, mb.relu6(x=op.x, before_op=op, name=op.name))


def _replace(block: Block | Function, op: Operation, value: Var) -> None:
    block.replace_uses_of_var_after_op(anchor_op=op, old_var=op.outputs[0], new_var=value)
    block.remove_ops([op])
