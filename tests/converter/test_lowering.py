"""From a graph to a module: refusals, export, compilation, layout, batches, and every real release
against LiteRT.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.graph_json import graph_from_dict, graph_to_dict
from blazepalm.converter.lowering import check_supported, lower
from blazepalm.converter.ops import LOWERINGS
from blazepalm.converter.tflite import read, read_bytes
from blazepalm.errors import InvalidModel, UnsupportedOperator
from support.compare import (
    Case,
    build,
    check,
    constant,
    double,
    permutes,
    run_litert,
    run_torch,
    weights,
)
from support.models import SHARED, shared_model
from support.tflite_builder import ModelBuilder


def mixed() -> Case:
    """A convolution with uneven padding, a block with a channel pad, an old-style resize, a
    head with a reshape, a join, a dense layer: two outputs.
    """
    rng = np.random.default_rng(0)
    model = ModelBuilder()

    def parameter(*shape: int) -> int:
        return model.tensor(shape, data=weights(rng, *shape) / 4)

    x = model.tensor((1, 8, 10, 3), name="input")
    a, b, c = (model.tensor((1, 4, 5, 6)) for _ in range(3))
    strided = schema.Conv2DOptionsT(strideH=2, strideW=2, fusedActivationFunction=1)
    model.operator("CONV_2D", [x, parameter(6, 3, 3, 3), parameter(6)], [a], strided)
    each = schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
    model.operator("DEPTHWISE_CONV_2D", [a, parameter(1, 3, 3, 6), parameter(6)], [b], each)
    model.operator("PRELU", [b, parameter(1, 1, 6)], [c])
    d, e, f = model.tensor((1, 4, 5, 8)), model.tensor((1, 4, 5, 8)), model.tensor((1, 7, 9, 8))
    widen = constant(model, [[0, 0], [0, 0], [0, 0], [0, 2]])
    model.operator("PAD", [c, widen], [d], schema.PadOptionsT())
    model.operator("ADD", [d, parameter(1, 1, 1, 8)], [e], schema.AddOptionsT())
    model.operator(
        "RESIZE_BILINEAR", [e, constant(model, (7, 9))], [f], schema.ResizeBilinearOptionsT()
    )
    g, h, i = model.tensor((1, 63, 8)), model.tensor((1, 20, 8)), model.tensor((1, 83, 8))
    model.operator("RESHAPE", [f, constant(model, (1, -1, 8))], [g])
    model.operator("RESHAPE", [e, constant(model, (1, -1, 8))], [h])
    model.operator("CONCATENATION", [g, h], [i], schema.ConcatenationOptionsT(axis=1))
    j, k = model.tensor((1, 8)), model.tensor((1, 2), name="dense")
    model.operator("MEAN", [f, constant(model, (1, 2))], [j], schema.ReducerOptionsT())
    dense = schema.FullyConnectedOptionsT()
    model.operator("FULLY_CONNECTED", [j, parameter(2, 8), parameter(2)], [k], dense)
    model.graph.tensors[i].name = "anchors"
    return build(model, [x], [i, k])


def test_mixed_graph() -> None:
    module = check(mixed(), magnitude=30.0)
    assert module.outputs == ("anchors", "dense")
    assert {b.key for b in module.bindings} == set(module.state_dict())
    keys = [b.key for b in module.bindings if b.operator in (0, 2)]
    assert keys == ["op000_conv_2d.weight", "op000_conv_2d.bias", "op002_prelu.slope"]


def test_the_oracle_is_float64_throughout() -> None:
    case = mixed()
    oracle = case.module().double()
    assert {p.dtype for p in oracle.parameters()} == {torch.float64}

    class Watch(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> object:
            value = super().run_node(n)
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                assert value.dtype == torch.float64, n
            return value

    Watch(oracle).run(torch.from_numpy(case.inputs()[0]).double())


def test_same_input_same_module() -> None:
    content = mixed().content
    a, b = (lower(read_bytes(content, "test.tflite")) for _ in range(2))
    assert a.code == b.code
    assert a.bindings == b.bindings
    assert all(torch.equal(a.state_dict()[key], v) for key, v in b.state_dict().items())


def test_gradients_reach_every_parameter() -> None:
    case = mixed()
    module = case.module().train()
    boxes, dense = module(torch.from_numpy(case.inputs()[0]))
    (boxes.square().sum() + dense.square().sum()).backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


@pytest.mark.parametrize("strict", [False, True])
def test_export(strict: bool) -> None:
    """The exported program takes any batch size."""
    case = mixed()
    module = case.module()
    image = torch.from_numpy(np.concatenate([case.inputs()[0], case.inputs(1)[0]]))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, (image,), dynamic_shapes=({0: batch},), strict=strict)
    three = torch.cat([image, image[:1]])
    for found, expected in zip(program.module()(three), module(three), strict=True):
        torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("backend", ["eager", "inductor"])
def test_compile(backend: str) -> None:
    """Compiles in one piece: nothing falls back to Python."""
    if backend == "inductor" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("inductor needs a C++ compiler: g++ or clang++")
    case = mixed() if backend == "eager" else chain(1)  # generated C++ takes its time
    module = case.module()
    torch.compiler.reset()
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    image = torch.from_numpy(case.inputs()[0])
    with torch.no_grad():
        for found, expected in zip(compiled(image), module(image), strict=True):
            torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-5)


def chain(length: int) -> Case:
    """Only convolutions, sums, activations and pools."""
    rng = np.random.default_rng(1)
    model = ModelBuilder()
    x = y = model.tensor((1, 6, 7, 4))
    for _ in range(length):
        a, b, c, d = (model.tensor((1, 6, 7, 4)) for _ in range(4))
        kernel, bias = weights(rng, 4, 3, 3, 4), weights(rng, 4)
        operands = [y, model.tensor((4, 3, 3, 4), data=kernel), model.tensor((4,), data=bias)]
        model.operator("CONV_2D", operands, [a], schema.Conv2DOptionsT(strideH=1, strideW=1))
        model.operator("LOGISTIC", [a], [b])
        model.operator("MUL", [a, b], [c], schema.MulOptionsT())
        pool = schema.Pool2DOptionsT(strideH=1, strideW=1, filterHeight=3, filterWidth=3)
        model.operator("AVERAGE_POOL_2D", [c], [d], pool)
        y = d
    return build(model, [x], [y])


@pytest.mark.parametrize("length", [1, 4])
def test_a_chain_is_permuted_at_its_ends_only(length: int) -> None:
    module = chain(length).module()
    assert permutes(module) == 2
    calls = [n for n in module.graph.nodes if n.op.startswith("call")]
    assert len(calls) == 4 * length + 3  # one an operator, and the copy of the image


def test_a_value_is_permuted_once_for_all_its_readers() -> None:
    model = ModelBuilder()
    x, h = model.tensor((1, 4, 5, 6)), model.tensor((1, 4, 5, 6))
    model.operator("RELU", [x], [h])
    ys = [model.tensor((1, 20, 6)) for _ in range(3)]
    for y in ys:
        model.operator("RESHAPE", [h, constant(model, (1, 20, 6))], [y])
    assert permutes(check(build(model, [x], ys))) == 2


def test_a_fixed_batch_says_why() -> None:
    model = ModelBuilder()
    x, h, y = model.tensor((1, 4, 6)), model.tensor((4, 6)), model.tensor((4, 6))
    model.operator("RESHAPE", [x, constant(model, (4, 6))], [h])
    model.operator("RELU", [h], [y])
    module = build(model, [x], [y]).module()
    message = r"takes batches of 1 only: operator 0 RESHAPE turns shape \[1, 4, 6\] into \[4, 6\]"
    with pytest.raises(ValueError, match=message):
        module(torch.zeros(2, 4, 6))
    assert module(torch.zeros(1, 4, 6))[0].shape == (4, 6)
    with pytest.raises(ValueError, match=message):  # compiled, too
        torch.compile(module, backend="eager")(torch.zeros(3, 4, 6))


def test_the_guard_watches_every_input() -> None:
    model = ModelBuilder()
    a, b = model.tensor((1, 3)), model.tensor((1, 3))
    g, h, y = model.tensor((3,)), model.tensor((3,)), model.tensor((3,))
    model.operator("RESHAPE", [a, constant(model, (3,))], [g])
    model.operator("RESHAPE", [b, constant(model, (3,))], [h])
    model.operator("ADD", [g, h], [y], schema.AddOptionsT())
    module = build(model, [a, b], [y]).module()
    with pytest.raises(ValueError, match="takes batches of 1 only"):
        module(torch.zeros(1, 3), torch.zeros(2, 3))


def test_a_batch_in_the_file() -> None:
    """A model for two images also takes one and three."""
    rng = np.random.default_rng(2)
    model = ModelBuilder()
    x, h, y = model.tensor((2, 4, 5, 3)), model.tensor((2, 4, 5, 6)), model.tensor((2, 120))
    operands = [
        model.tensor((6, 1, 1, 3), data=weights(rng, 6, 1, 1, 3)),
        constant(model, np.zeros(6), "float32"),
    ]
    model.operator("CONV_2D", [x, *operands], [h], schema.Conv2DOptionsT(strideH=1, strideW=1))
    model.operator("RESHAPE", [h, constant(model, (2, 120))], [y])
    case = build(model, [x], [y])
    module = case.module()
    image = case.inputs()[0]
    (expected,) = run_litert(case, [image], reference=True)
    for rows in (image[:1], image, np.concatenate([image, image[:1]])):
        (found,) = run_torch(module, [rows])
        wanted = np.concatenate([expected, expected])[: len(rows)]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_everything_unsupported_is_listed_at_once() -> None:
    model = ModelBuilder()
    x, h = model.tensor((1, 4, 5, 3)), model.tensor((1, 4, 5, 3), name="first")
    model.operator("LOCAL_RESPONSE_NORMALIZATION", [x], [h])
    i, j, k = (model.tensor((1, 4, 5, 3), name=f"n{n}") for n in range(3))
    model.operator("RELU", [h], [i])
    model.operator("LOCAL_RESPONSE_NORMALIZATION", [i], [j], version=1)
    model.operator("MyOwnOperator", [j], [k], version=1)
    graph = read_bytes(model.build([x], [k]), "some.tflite")
    with pytest.raises(UnsupportedOperator) as caught:
        lower(graph)
    assert str(caught.value).splitlines() == [
        "unsupported operator: LOCAL_RESPONSE_NORMALIZATION (builtin 13, version 1), 2 times",
        "  first: some.tflite, subgraph 0, operator 0, output %1 'first'",
        "  help:  add a lowering in converter/ops/elementwise.py and a case in "
        "tests/converter/ops/test_elementwise.py",
        "unsupported operator: MyOwnOperator (custom, version 1), once",
        "  first: some.tflite, subgraph 0, operator 3, output %4 'n2'",
        "  help:  add a lowering in converter/ops/elementwise.py and a case in "
        "tests/converter/ops/test_elementwise.py",
    ]
    with pytest.raises(UnsupportedOperator):
        check_supported(graph)


def test_what_only_the_lowering_can_see_is_listed_at_once() -> None:
    model = ModelBuilder()
    x, h, i, y = (model.tensor((1, 4)) for _ in range(4))
    model.operator("ADD", [x, x], [h], schema.AddOptionsT(fusedActivationFunction=5))
    model.operator("RELU", [h], [i])
    model.operator("MUL", [i, i], [y], schema.MulOptionsT(fusedActivationFunction=5))
    with pytest.raises(UnsupportedOperator) as caught:
        build(model, [x], [y]).module()
    assert str(caught.value).split("\n  ") == [
        f"test.tflite: operator {n}: the fused activation SIGN_BIT is not supported: "
        "LiteRT's kernels ignore it"
        for n in ("0 ADD", "2 MUL")
    ]


def test_integers_are_refused() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4), name="image"), model.tensor((1, 4), "int32", name="rounded")
    model.operator("CAST", [x], [y], schema.CastOptionsT())
    with pytest.raises(UnsupportedOperator, match=r"%1 'rounded' is int32; only float32 is comp"):
        build(model, [x], [y]).module()


def test_an_operand_that_is_missing() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("ADD", [x], [y], schema.AddOptionsT())
    with pytest.raises(InvalidModel, match="operator 0 ADD: operand 1 is missing"):
        build(model, [x], [y]).module()


def test_a_padding_that_no_memory_holds() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4, 5, 2)), model.tensor((1, 4, 5, 2))
    k = model.tensor((2, 2, 2, 2), data=np.ones((2, 2, 2, 2)))
    far = schema.Conv2DOptionsT(strideH=1, strideW=1, dilationHFactor=1 << 30)
    model.operator("CONV_2D", [x, k], [y], far)
    with pytest.raises(InvalidModel, match="operator 0 CONV_2D: makes .* values, expected 1 to"):
        build(model, [x], [y]).module()


def test_a_stored_graph_is_held_to_the_same_memory() -> None:
    """It is not read from a file, so its shapes are checked when it is lowered."""
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 4))
    model.operator("RELU", [x], [y])
    stored = graph_to_dict(read_bytes(model.build([x], [y]), "small.tflite"))
    for tensor in stored["tensors"]:
        tensor["shape"] = [1, 1 << 27]
    with pytest.raises(InvalidModel, match="computes 268435456 values, 134217728 of them in %0"):
        lower(graph_from_dict(stored))


def test_every_operator_has_a_case() -> None:
    """Every operator in the table has a test in its family."""
    folder = Path(__file__).parent / "ops"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("test_*.py")))
    assert len(LOWERINGS) > 50
    assert [name for name in LOWERINGS if f'"{name}"' not in text] == []


@pytest.mark.parametrize("release", sorted(SHARED.values()))
def test_release(release: str) -> None:
    """Float32 error at most ten times LiteRT's own; fewer nodes than operators plus a handful; one
    permute per head.
    """
    path = shared_model(release)
    graph = read(path)
    module, oracle = lower(graph), lower(graph).double()
    low = -1.0 if release == "palm-2020-11" else 0.0
    shape = graph.tensors[graph.inputs[0]].shape
    case = Case(path.read_bytes(), (shape,), low, 1.0)
    inputs = case.inputs(7)
    found, exact = run_torch(module, inputs), run_torch(oracle, double(inputs))
    default = run_litert(case, inputs, reference=False)
    reference = run_litert(case, inputs, reference=True)
    assert len(found) == len(graph.outputs) > 0
    for ours, theirs, slow, truth in zip(found, default, reference, exact, strict=True):
        assert ours.shape == theirs.shape
        floor = max(np.abs(theirs - truth).max(), np.abs(slow - truth).max())
        assert 0 < np.abs(ours - theirs).max() <= 10 * floor
        assert np.abs(ours - truth).max() <= 10 * floor
    assert module.batch_fixed_by is None
    assert permutes(module) <= 1 + 2 * len(graph.outputs)


def test_outputs_have_names_and_a_wrong_layout_gets_a_sentence() -> None:
    model = ModelBuilder()
    image = model.tensor((1, 4, 5, 3), name="serving_default_image:0")
    a, b, c = (model.tensor((1, 4, 5, 3), name=name) for name in ("call:0", "class", "call/0"))
    for name, y in (("RELU", a), ("TANH", b), ("ABS", c)):
        model.operator(name, [image], [y])
    module = lower(read_bytes(model.build([image], [a, b, c]), "x.tflite"))
    x = torch.rand(2, 4, 5, 3) - 0.5
    with torch.no_grad():
        found = module(x)
    assert found._fields == ("call_0", "output_class", "call_0_2")
    assert torch.equal(found.call_0, x.clamp(min=0))
    with pytest.raises(
        ValueError, match=r"takes shape \(N, 4, 5, 3\), got \(1, 3, 4, 5\); .*permute"
    ):
        module(torch.rand(1, 3, 4, 5))
    with pytest.raises(ValueError, match=r"got \(1, 4, 5\)$"):
        module(torch.rand(1, 4, 5))
