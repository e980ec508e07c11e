"""The reader on every real release, against what releases.md records, against LiteRT's own
generated schema (names, options, shapes), and bit for bit against LiteRT's folded constants.
"""

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from blazepalm.converter.tflite import options as option_types
from blazepalm.converter.tflite import read, read_all, read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import InvalidModel
from support.litert import run_litert
from support.models import ROOT, SHARED, shared_model
from support.tflite_builder import ModelBuilder, schema

RELEASES = list(SHARED.values())

# release: (SHA-256, bytes, input side, stored dtype, sparse weights, outputs) from releases.md
PALM_2016 = {"Identity": (1, 2016, 18), "Identity_1": (1, 2016, 1)}
FACTS: dict[str, tuple[str, int, int, str, int, dict[str, tuple[int, ...]] | list[int]]] = {
    "palm-2020-11": (
        "1590b8eb1ad838b5b88a28bad36bed1af78e7dda0641c63e36108e8429d49bd9",
        *(3877888, 128, "float32", 0),
        {"regressors": (1, 896, 18), "classificators": (1, 896, 1)},
    ),
    "palm-lite-2021-11": (
        "e9a4aaddf90dda56a87235303cf00e4c2d3fb28725f68fd88772997dac905c18",
        *(1985440, 192, "float16", 0),
        PALM_2016,
    ),
    "palm-full-2023-09": (
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
        *(2339846, 192, "float16", 0),
        PALM_2016,
    ),
    "hand-3d-2019-08": (
        "883ff80c976ae95d2fab504dfc095b032f11029b339204a6137553b169360126",
        *(4063072, 256, "float32", 0),
        {"ld_21_3d": (1, 63), "output_handflag": (1, 1)},
    ),
    "hand-2020-05": (
        "bad88ac1fd144f034e00f075afcade4f3a21d0d09c41bee8dd50504dacd70efd",
        *(4086864, 256, "float16", 0),
        {"ld_21_3d": (1, 63), "output_handflag": (1, 1), "output_handedness": (1, 1)},
    ),
    "hand-2020-11": (
        "276abb7cb09c386247ba5b6fc1aa1ebba574a239777c000d5ffb06db997d6ffa",
        *(3792620, 224, "float32", 0),
        [63, 1, 1],
    ),
    "hand-sparse-2021-02": (
        "2afbc20bfa7c25a8273a64b0334bdc71a4fa6f19153093d5942abf00b87a184a",
        *(3756096, 224, "float32", 30),
        [63, 1, 1],
    ),
    "hand-lite-2022": (
        "048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6",
        *(2071597, 224, "float16", 0),
        [63, 1, 1, 63],
    ),
    "hand-full-2022": (
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
        *(5478917, 224, "float16", 0),
        [63, 1, 1, 63],
    ),
    "hand-recrop-2020-07": (
        "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
        *(123792, 256, "float32", 0),
        {"output_crop": (1, 1, 1, 4)},
    ),
}

# releases.md, "operators beyond CONV_2D, DEPTHWISE_CONV_2D, ADD" (LOGISTIC is a head's)
EXTRA_OPERATORS = {
    "palm-2020-11": {
        *("PRELU", "MAX_POOL_2D", "PAD", "RESIZE_BILINEAR", "RESHAPE", "CONCATENATION"),
    },
    "hand-3d-2019-08": {"RELU", "PRELU", "MAX_POOL_2D", "PAD", "RESHAPE", "LOGISTIC"},
    "hand-2020-05": {"RELU", "MAX_POOL_2D", "PAD", "RESIZE_BILINEAR", "LOGISTIC", "RESHAPE"},
    "hand-2020-11": {"RESHAPE", "FULLY_CONNECTED", "LOGISTIC"},
    "hand-sparse-2021-02": {"PAD", "MEAN", "RESHAPE", "FULLY_CONNECTED", "LOGISTIC"},
    "hand-lite-2022": {"MAX_POOL_2D", "MEAN", "FULLY_CONNECTED", "LOGISTIC"},
    "hand-full-2022": {"MEAN", "FULLY_CONNECTED", "LOGISTIC"},
    "hand-recrop-2020-07": {"PRELU", "MAX_POOL_2D", "PAD", "STRIDED_SLICE"},
}
EXTRA_OPERATORS["palm-lite-2021-11"] = EXTRA_OPERATORS["palm-2020-11"]
EXTRA_OPERATORS["palm-full-2023-09"] = EXTRA_OPERATORS["palm-2020-11"]
COMMON_OPERATORS = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD"}
FOLDED_OPERATORS = {"DEQUANTIZE", "DENSIFY"}


@cache
def graph_of(release: str) -> Graph:
    return read(shared_model(release))


def stored_model(release: str) -> Any:
    """The file as LiteRT's generated object API unpacks it, without any of our code."""
    return schema.ModelT.InitFromPackedBuf(shared_model(release).read_bytes(), 0)


def names(enumeration: Any) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}


@pytest.mark.parametrize("release", RELEASES)
def test_facts(release: str) -> None:
    sha256, size, side, dtype, sparse, outputs = FACTS[release]
    graph = graph_of(release)
    assert (graph.sha256, graph.size) == (sha256, size)
    assert graph.source == str(shared_model(release))
    assert not graph.dequantised
    (image,) = (graph.tensors[i] for i in graph.inputs)
    assert (image.shape, image.dtype) == ((1, side, side, 3), "float32")
    found = {graph.tensors[i].name: graph.tensors[i].shape for i in graph.outputs}
    if isinstance(outputs, dict):
        assert found == outputs
    else:
        assert [shape[-1] for shape in found.values()] == outputs
    real = [t for t in graph.constants() if t.dtype.startswith("float")]
    assert {t.provenance.dtype for t in real if t.provenance} == {dtype}
    assert (
        sum(t.provenance is not None and t.provenance.sparsity is not None for t in real) == sparse
    )
    used = {op.name for op in graph.operators}
    assert (
        {"CONV_2D", *EXTRA_OPERATORS[release]}
        <= used
        <= EXTRA_OPERATORS[release] | COMMON_OPERATORS
    )


@pytest.mark.parametrize("release", RELEASES)
def test_operators_are_those_of_the_file(release: str) -> None:
    graph, model = graph_of(release), stored_model(release)
    (subgraph,) = model.subgraphs
    builtin = names(schema.BuiltinOperator)
    stored = []
    for op in subgraph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        stored.append(builtin[max(code.builtinCode, code.deprecatedBuiltinCode)])
    assert graph.stored_operators == len(stored) > 50
    kept = Counter(name for name in stored if name not in FOLDED_OPERATORS)
    assert Counter(op.name for op in graph.operators) == kept
    for op in graph.operators:
        theirs = subgraph.operators[op.index]
        assert op.name == stored[op.index]
        assert op.inputs == tuple(theirs.inputs)
        assert op.outputs == tuple(theirs.outputs)
    for tensor, stored_tensor in zip(graph.tensors, subgraph.tensors, strict=True):
        shape = () if stored_tensor.shape is None else tuple(stored_tensor.shape)
        assert tensor.shape == shape
        assert tensor.name == stored_tensor.name.decode()


# our field: the schema's, where they are not the same word
FIELDS = {
    "activation": "fusedActivationFunction",
    "dilation_h": "dilationHFactor",
    "dilation_w": "dilationWFactor",
    "filter_h": "filterHeight",
    "filter_w": "filterWidth",
}
ENUMERATIONS = {
    "padding": schema.Padding,
    "activation": schema.ActivationFunctionType,
    "weights_format": schema.FullyConnectedOptionsWeightsFormat,
    "mode": schema.MirrorPadMode,
}


def theirs(options: Any, field: str) -> Any:
    """The field of the schema's object that our `field` must equal."""
    word = FIELDS.get(field) or "".join(
        part if i == 0 else part.capitalize() for i, part in enumerate(field.split("_"))
    )
    value = getattr(options, word)
    if field in ENUMERATIONS:
        return names(ENUMERATIONS[field])[value]
    return () if value is None else tuple(value) if hasattr(value, "__len__") else value


@pytest.mark.parametrize("release", RELEASES)
def test_options_are_those_of_the_file(release: str) -> None:
    graph, model = graph_of(release), stored_model(release)
    compared = 0
    for op in graph.operators:
        if op.options is None:
            continue
        stored = model.subgraphs[0].operators[op.index].builtinOptions
        for field in fields(op.options):
            if isinstance(op.options, option_types.AxisOptions) and field.name in (
                "batch_dims",
                "count",
            ):
                continue  # of other operators than CONCATENATION
            assert getattr(op.options, field.name) == theirs(stored, field.name), (op, field.name)
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("release", RELEASES)
def test_constants_are_bit_equal_to_litert(release: str) -> None:
    graph = graph_of(release)
    shape = graph.tensors[graph.inputs[0]].shape
    interpreter = run_litert(shared_model(release), np.zeros(shape, np.float32))
    compared = 0
    for tensor in graph.constants():
        assert tensor.data is not None
        reference = interpreter.get_tensor(tensor.index)
        assert tensor.data.shape == tensor.shape == reference.shape
        assert tensor.data.dtype == tensor.dtype == reference.dtype
        assert tensor.data.tobytes() == reference.tobytes(), tensor
        assert not tensor.data.flags.writeable
        assert tensor.data.flags.aligned
        assert tensor.data.flags.c_contiguous
        compared += 1
    assert compared > 60


@pytest.mark.parametrize("release", ["palm-full-2023-09", "hand-sparse-2021-02", "hand-2020-11"])
def test_provenance_says_what_the_file_stores(release: str) -> None:
    graph, model = graph_of(release), stored_model(release)
    folding = {"DENSIFY"} if "sparse" in release else {"DEQUANTIZE"} if "palm" in release else set()
    seen = set()
    for tensor in graph.constants():
        origin = tensor.provenance
        assert origin is not None
        stored = model.subgraphs[0].tensors[origin.tensor]
        content = bytes(model.buffers[origin.buffer].data)
        assert stored.buffer == origin.buffer
        assert stored.name.decode() == origin.name
        assert names(schema.TensorType)[stored.type].lower() == origin.dtype
        assert tuple(stored.shape) == origin.shape == tensor.shape
        assert origin.stored_bytes == len(content)
        assert origin.sha256 == hashlib.sha256(content).hexdigest()
        assert (stored.sparsity is not None) == (origin.sparsity is not None)
        assert (origin.tensor == tensor.index) == (origin.folded == ())
        seen |= set(origin.folded)
    assert seen == folding


def test_sparse_release_is_dense() -> None:
    graph = graph_of("hand-sparse-2021-02")
    sparse = [t for t in graph.constants() if t.provenance and t.provenance.sparsity]
    for tensor in sparse:
        assert tensor.data is not None
        assert tensor.provenance is not None
        assert tensor.provenance.stored_bytes < tensor.data.nbytes  # packed in the file
        assert np.count_nonzero(tensor.data) * 4 <= tensor.provenance.stored_bytes
    assert len(sparse) == 30


def test_dense_constants_are_views_of_the_file() -> None:
    content = shared_model("hand-2020-11").read_bytes()
    whole = np.frombuffer(content, np.uint8)
    weights = [t for t in read_bytes(content, "x").constants() if t.dtype == "float32"]
    assert len(weights) > 60
    assert all(np.shares_memory(t.data, whole) for t in weights if t.data is not None)


def test_metadata_and_description() -> None:
    graph = graph_of("palm-full-2023-09")
    assert graph.description == "MLIR Converted."
    assert list(graph.metadata) == [
        *("min_runtime_version", "reduced_precision_support", "TFLITE_METADATA"),
    ]
    assert graph.metadata["TFLITE_METADATA"][4:8] == b"M001"  # that schema's file identifier


def test_read_all_of_a_plain_file_is_one_graph() -> None:
    path = shared_model("hand-recrop-2020-07")
    (graph,) = read_all(path)
    assert graph.sha256 == read(str(path)).sha256
    assert graph.source == str(path)


# Built files ----------------------------------------------------------------------------


def small_model(**how: bool) -> bytes:
    rng = np.random.default_rng(0)
    model = ModelBuilder("a small one")
    image = model.tensor((1, 4, 5, 3), name="image")
    kernel = model.tensor((2, 3, 3, 3), data=rng.normal(size=(2, 3, 3, 3)), name="kernel")
    shape = model.tensor((2,), "int32", np.array([1, 40]), name="shape")
    features, flat = model.tensor((1, 4, 5, 2)), model.tensor((1, 40), name="flat")
    model.operator(
        "CONV_2D", [image, kernel, -1], [features], schema.Conv2DOptionsT(strideH=1, strideW=1)
    )
    model.operator("RESHAPE", [features, shape], [flat], schema.ReshapeOptionsT(newShape=[1, 40]))
    model.metadata("note", b"kept as it is \x00\xff")
    return model.build([image], [flat], **how)


@pytest.mark.parametrize(
    "how", [{}, {"deprecated_opcodes_only": True}, {"external_buffers": True}], ids=str
)
def test_every_way_of_storing_reads_the_same(how: dict[str, bool]) -> None:
    usual, other = read_bytes(small_model(), "m"), read_bytes(small_model(**how), "m")
    assert [op.name for op in other.operators] == ["CONV_2D", "RESHAPE"]
    assert other.operators == usual.operators
    assert other.operators[0].inputs == (0, 1, -1)
    assert other.tensors == usual.tensors
    kernel = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype(np.float32)
    np.testing.assert_array_equal(other.tensors[1].data, kernel)
    np.testing.assert_array_equal(other.tensors[2].data, [1, 40])
    assert other.metadata == {"note": b"kept as it is \x00\xff"}
    assert other.description == "a small one"
    assert (other.producer(4), other.consumers(3)) == (other.operators[1], (other.operators[1],))


def one_operator(name: str, options: object, **more: Any) -> Any:
    model = ModelBuilder()
    image, result = model.tensor((1, 2, 2, 4)), model.tensor((1, 2, 2, 4))
    model.operator(name, [image], [result], options, **more)
    return read_bytes(model.build([image], [result]), "one.tflite").operators[0]


ours, T = option_types, schema
TYPED: list[tuple[str, Any, Any]] = [
    (
        "CONV_2D",
        T.Conv2DOptionsT(
            *(1, 2, 3, 4), dilationHFactor=6, dilationWFactor=5
        ),  # padding, stride w, stride h, activation
        ours.Conv2DOptions("VALID", 3, 2, 6, 5, "TANH"),
    ),
    (
        "DEPTHWISE_CONV_2D",
        T.DepthwiseConv2DOptionsT(
            padding=0,
            strideW=2,
            strideH=3,
            depthMultiplier=4,
            fusedActivationFunction=3,
            dilationWFactor=5,
            dilationHFactor=6,
        ),
        ours.DepthwiseConv2DOptions("SAME", 3, 2, 6, 5, "RELU6", 4),
    ),
    (
        "TRANSPOSE_CONV",
        T.TransposeConvOptionsT(padding=1, strideW=2, strideH=3, fusedActivationFunction=1),
        ours.TransposeConvOptions("VALID", 3, 2, "RELU"),
    ),
    (
        "MAX_POOL_2D",
        T.Pool2DOptionsT(
            padding=1,
            strideW=2,
            strideH=3,
            filterWidth=4,
            filterHeight=5,
            fusedActivationFunction=2,
        ),
        ours.Pool2DOptions("VALID", 3, 2, 5, 4, "RELU_N1_TO_1"),
    ),
    (
        "AVERAGE_POOL_2D",
        T.Pool2DOptionsT(strideW=1, strideH=1, filterWidth=1, filterHeight=2),
        ours.Pool2DOptions("SAME", 1, 1, 2, 1, "NONE"),
    ),
    (
        "FULLY_CONNECTED",
        T.FullyConnectedOptionsT(fusedActivationFunction=5, weightsFormat=1, keepNumDims=True),
        ours.FullyConnectedOptions("SIGN_BIT", "SHUFFLED4x16INT8", True),
    ),
    ("ADD", T.AddOptionsT(fusedActivationFunction=1), ours.BinaryOptions("RELU")),
    ("SUB", T.SubOptionsT(fusedActivationFunction=2), ours.BinaryOptions("RELU_N1_TO_1")),
    ("MUL", T.MulOptionsT(fusedActivationFunction=3), ours.BinaryOptions("RELU6")),
    ("DIV", T.DivOptionsT(fusedActivationFunction=4), ours.BinaryOptions("TANH")),
    ("MAXIMUM", T.MaximumMinimumOptionsT(), None),
    ("LEAKY_RELU", T.LeakyReluOptionsT(alpha=0.25), ours.LeakyReluOptions(0.25)),
    ("SOFTMAX", T.SoftmaxOptionsT(beta=0.5), ours.SoftmaxOptions(0.5)),
    ("MEAN", T.ReducerOptionsT(keepDims=True), ours.ReducerOptions(True)),
    ("SUM", T.ReducerOptionsT(keepDims=False), ours.ReducerOptions(False)),
    ("MIRROR_PAD", T.MirrorPadOptionsT(mode=1), ours.MirrorPadOptions("SYMMETRIC")),
    (
        "RESIZE_BILINEAR",
        T.ResizeBilinearOptionsT(alignCorners=True, halfPixelCenters=False),
        ours.ResizeOptions(True, False),
    ),
    (
        "RESIZE_NEAREST_NEIGHBOR",
        T.ResizeNearestNeighborOptionsT(alignCorners=False, halfPixelCenters=True),
        ours.ResizeOptions(False, True),
    ),
    ("RESHAPE", T.ReshapeOptionsT(newShape=[1, -1]), ours.ReshapeOptions((1, -1))),
    ("SQUEEZE", T.SqueezeOptionsT(squeezeDims=[1, 2]), ours.SqueezeOptions((1, 2))),
    (
        "CONCATENATION",
        T.ConcatenationOptionsT(axis=-1, fusedActivationFunction=1),
        ours.AxisOptions(-1, "RELU"),
    ),
    ("PACK", T.PackOptionsT(valuesCount=3, axis=2), ours.AxisOptions(2, count=3)),
    ("UNPACK", T.UnpackOptionsT(num=4, axis=1), ours.AxisOptions(1, count=4)),
    ("GATHER", T.GatherOptionsT(axis=2, batchDims=1), ours.AxisOptions(2, batch_dims=1)),
    ("SPLIT", T.SplitOptionsT(numSplits=3), ours.SplitOptions(3)),
    (
        "STRIDED_SLICE",
        T.StridedSliceOptionsT(
            beginMask=1, endMask=2, ellipsisMask=4, newAxisMask=8, shrinkAxisMask=16, offset=True
        ),
        ours.StridedSliceOptions(1, 2, 4, 8, 16, True),
    ),
    ("DEPTH_TO_SPACE", T.DepthToSpaceOptionsT(blockSize=2), ours.BlockOptions(2)),
    ("SPACE_TO_DEPTH", T.SpaceToDepthOptionsT(blockSize=3), ours.BlockOptions(3)),
    ("CONV_2D", None, None),
    ("HARD_SWISH", T.HardSwishOptionsT(), None),
]


@pytest.mark.parametrize(("name", "options", "expected"), TYPED, ids=[t[0] for t in TYPED])
def test_typed_options(name: str, options: Any, expected: Any) -> None:
    operator = one_operator(name, options, version=2)
    assert operator.options == expected
    assert type(operator.options) is type(expected)
    assert (operator.name, operator.version) == (name, 2)
    assert operator.opcode == getattr(schema.BuiltinOperator, name)


@pytest.mark.parametrize(("name", "number"), [("GELU", 150), ("STABLEHLO_ADD", 163)])
def test_opcodes_beyond_the_deprecated_field(name: str, number: int) -> None:
    operator = one_operator(name, None)
    assert (operator.name, operator.opcode) == (name, number)


@pytest.mark.parametrize(("deprecated", "new"), [(9, 9), (9, 0), (0, 9), (3, 9), (9, 3)])
def test_the_opcode_is_the_larger_of_both_fields(deprecated: int, new: int) -> None:
    """Like LiteRT's GetBuiltinCode, which the last lines call under the operator's name."""
    model = ModelBuilder()
    image, weight, result = (model.tensor((1, 4)), model.tensor((2, 4)), model.tensor((1, 2)))
    model.operator(
        "FULLY_CONNECTED", [image, weight, -1], [result], schema.FullyConnectedOptionsT()
    )
    code = model.model.operatorCodes[0]
    model.build([image, weight], [result])
    code.deprecatedBuiltinCode, code.builtinCode = deprecated, new
    content = model._pack()
    (operator,) = read_bytes(content, "m").operators
    assert (operator.name, operator.opcode) == ("FULLY_CONNECTED", 9)
    assert Interpreter(model_content=content)._get_ops_details()[0]["op_name"] == operator.name


def test_an_opcode_of_the_future_gets_a_name() -> None:
    model = ModelBuilder()
    image, result = model.tensor((1, 2)), model.tensor((1, 2))
    model.operator("ADD", [image, image], [result])
    model.model.operatorCodes[0].builtinCode = 999
    graph = read_bytes(model.build([image], [result]), "m")
    assert (graph.operators[0].name, graph.operators[0].opcode) == ("BUILTIN_999", 999)


TRANSPOSE_BIAS = "Convolution2DTransposeBias"


def struct_bytes(*numbers: int) -> bytes:
    return np.array(numbers, "<i4").tobytes()


def test_transpose_bias_is_typed() -> None:
    operator = one_operator(TRANSPOSE_BIAS, None, custom_options=struct_bytes(2, 3, 4))
    assert operator.is_custom
    assert operator.name == TRANSPOSE_BIAS
    assert operator.custom_options == struct_bytes(2, 3, 4)
    assert operator.options == ours.Convolution2DTransposeBiasOptions(
        "VALID", stride_h=4, stride_w=3
    )


@pytest.mark.parametrize(
    "numbers", [(), (1,), (1, 2), (0, 1, 1), (3, 1, 1), (1, 0, 1), (1, 1, -1), (1, 1, 1, 7)]
)
def test_transpose_bias_is_validated(numbers: tuple[int, ...]) -> None:
    with pytest.raises(InvalidModel, match=f"one.tflite: operator 0 {TRANSPOSE_BIAS}"):
        one_operator(TRANSPOSE_BIAS, None, custom_options=struct_bytes(*numbers))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CONV_2D", T.Conv2DOptionsT(padding=2, strideH=1, strideW=1)),
        ("CONV_2D", T.Conv2DOptionsT(padding=-1, strideH=1, strideW=1)),
        ("CONV_2D", T.Conv2DOptionsT(strideH=1, strideW=1, fusedActivationFunction=6)),
        ("CONV_2D", T.Conv2DOptionsT(strideH=0, strideW=1)),
        ("CONV_2D", T.Conv2DOptionsT(strideH=1, strideW=-2)),
        ("CONV_2D", T.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=0)),
        ("MAX_POOL_2D", T.Pool2DOptionsT(strideH=1, strideW=1, filterHeight=1, filterWidth=0)),
        ("DEPTH_TO_SPACE", T.DepthToSpaceOptionsT(blockSize=0)),
        ("SPLIT", T.SplitOptionsT(numSplits=0)),
        ("MIRROR_PAD", T.MirrorPadOptionsT(mode=2)),
        ("RESHAPE", T.ReshapeOptionsT(newShape=[1] * 33)),
        ("ADD", T.Conv2DOptionsT(strideH=1, strideW=1)),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: object) -> None:
    with pytest.raises(InvalidModel, match=f"one.tflite: operator 0 {name} "):
        one_operator(name, options)


def test_neither_torch_nor_flatbuffers_is_imported_at_start() -> None:
    code = (
        "import sys; import blazepalm.converter.tflite; "
        "print([m for m in ('torch', 'ai_edge_litert', 'flatbuffers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_file_in_memory_and_on_disk_are_the_same_graph(tmp_path: Path) -> None:
    path = tmp_path / "small.bin"
    path.write_bytes(small_model())
    assert read(path) == read_bytes(small_model(), str(path))
