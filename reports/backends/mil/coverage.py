"""Lists the MIL operations that can be executed, by the file in `ops/` that executes them.

The table that runs is `executors.EXECUTORS`, but filling it imports torch; this one answers "can it
be executed?" in milliseconds. A test checks that the two agree.
"""

FAMILIES = {
    "activation": (
        "clamped_relu elu gelu leaky_relu linear_activation prelu relu relu6 scaled_tanh "
        "sigmoid sigmoid_hard silu softmax softplus softplus_parametric softsign "
        "thresholded_relu"
    ),
    "attention": "scaled_dot_product_attention",
    "classification": "classify",
    "comparison": (
        "equal greater greater_equal less less_equal logical_and logical_or logical_xor "
        "not_equal select"
    ),
    "constexpr": (
        "constexpr_affine_dequantize constexpr_blockwise_shift_scale constexpr_cast "
        "constexpr_lut_to_dense constexpr_lut_to_sparse constexpr_sparse_blockwise_shift_scale "
        "constexpr_sparse_to_dense"
    ),
    "convolution": "conv",
    "creation": "band_part fill fill_like non_zero one_hot range_1d",
    "elementwise": (
        "abs acos add asin atan atanh cast ceil clip cos cosh erf exp exp2 floor floor_div "
        "inverse log logical_not maximum minimum mod mul pow real_div round rsqrt sign sin sinh "
        "sqrt square sub tan tanh threshold"
    ),
    "gather": "gather gather_along_axis gather_nd",
    "joining": "concat split stack tile",
    "linear": "einsum linear matmul",
    "normalisation": "batch_norm instance_norm l2_norm layer_norm local_response_norm",
    "padding": "pad",
    "pooling": "avg_pool l2_pool max_pool",
    "quantisation": "dequantize quantize",
    "rearrange": (
        "batch_to_space depth_to_space pixel_shuffle pixel_unshuffle space_to_batch space_to_depth"
    ),
    "reduction": (
        "reduce_argmax reduce_argmin reduce_l1_norm reduce_l2_norm reduce_log_sum "
        "reduce_log_sum_exp reduce_max reduce_mean reduce_min reduce_prod reduce_sum "
        "reduce_sum_square"
    ),
    "resize": (
        "crop resize resize_bilinear resize_nearest_neighbor upsample_bilinear "
        "upsample_nearest_neighbor"
    ),
    "sampling": "affine crop_resize resample",
    "scatter": "scatter scatter_along_axis scatter_nd",
    "shape": "expand_dims flatten2d identity reshape reshape_like shape squeeze transpose",
    "slicing": "reverse reverse_sequence slice_by_index slice_by_size slice_update sliding_windows",
    "sorting": "argsort cumsum topk",
    "transposed": "conv_transpose",
}
EXECUTED = frozenset(name for names in FAMILIES.values() for name in names.split())
