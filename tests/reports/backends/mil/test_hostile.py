"""Broken packages: whatever the bytes, the error is a BlazePalmError of one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coremltools import proto
from coremltools.converters.mil import Builder

from blazepalm.errors import BlazePalmError, InvalidInput, InvalidModel, UnsupportedOperator
from blazepalm.reports.backends.mil import load
from blazepalm.reports.backends.mil.summary import summary_of
from support.packages import block_of, edit_package

X = np.linspace(-1, 1, 60).reshape(1, 3, 4, 5).astype(np.float32)
WEIGHT = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)


def build(x: Any) -> Any:
    y = Builder.conv(x=x, weight=WEIGHT, pad_type="valid", name="y")
    return Builder.relu(x=Builder.reshape(x=y, shape=[2, -1], name="flat"), name="z")


@pytest.fixture
def package(save: Any) -> Path:
    path: Path = save(build, x=X)
    return path


Change = Callable[[Any], None]


def operation(model: Any, kind: str, output: str | None = None) -> Any:
    return next(
        op
        for op in block_of(model).operations
        if op.type == kind and output in (None, op.outputs[0].name)
    )


def weight(model: Any) -> Any:
    """The constant that lies in the weight file."""
    return next(
        op
        for op in block_of(model).operations
        if op.type == "const" and op.attributes["val"].WhichOneof("value") == "blobFileValue"
    )


def blob_of(model: Any) -> Any:
    return weight(model).attributes["val"].blobFileValue


def set_dimension(op: Any, size: int) -> None:
    op.outputs[0].type.tensorType.dimensions[0].constant.size = size
    if op.type == "const":
        op.attributes["val"].type.CopyFrom(op.outputs[0].type)


def rename(op: Any, kind: str) -> None:
    op.type = kind


def rename_value(model: Any, name: str) -> None:
    """The name of what is between the two operations, wherever it is."""
    operation(model, "reshape").outputs[0].name = name
    operation(model, "relu").inputs["x"].arguments[0].name = name


def set_parameter(model: Any, kind: str, parameter: str, values: list[int]) -> None:
    name = operation(model, kind).inputs[parameter].arguments[0].name
    constant = operation(model, "const", name).attributes["val"]
    constant.immediateValue.tensor.ints.values[:] = values


EDITS: dict[str, tuple[Change, str]] = {
    "a blob path that climbs out": (
        lambda m: setattr(blob_of(m), "fileName", "@model_path/../../../../etc/passwd"),
        "leads out of the package",
    ),
    "a blob of another name": (
        lambda m: setattr(blob_of(m), "fileName", "@model_path/weights/none.bin"),
        "is missing",
    ),
    "an offset past the end": (lambda m: setattr(blob_of(m), "offset", 1 << 40), "no weight at"),
    "an offset of nothing": (lambda m: setattr(blob_of(m), "offset", 128), "no weight"),
    "a weight of another shape": (lambda m: set_dimension(weight(m), 3), "bytes of uint8"),
    "a huge weight": (lambda m: set_dimension(weight(m), 1 << 40), "more than"),
    "a weight of another type": (
        lambda m: setattr(weight(m).attributes["val"].type.tensorType, "dataType", 10),
        "is declared FLOAT16, but its weight is FLOAT32",
    ),
    "a huge value": (
        lambda m: set_dimension(operation(m, "relu"), 1 << 60),
        r"output 'z' declares FLOAT32\[1152921504606846976, 12\]: more than",
    ),
    "a huge input": (
        lambda m: setattr(
            m.mlProgram.functions["main"].inputs[0].type.tensorType.dimensions[0].constant,
            "size",
            1 << 50,
        ),
        "more than",
    ),
    "a value of another shape": (
        lambda m: set_dimension(operation(m, "relu"), 3),
        r"operation relu 'z': its operands give torch\.float32 of shape \[2, 12\], "
        r"but the file declares FLOAT32\[3, 12\]",
    ),
    "a value of another type": (
        lambda m: setattr(operation(m, "relu").outputs[0].type.tensorType, "dataType", 23),
        "but the file declares INT32",
    ),
    "an unknown element type": (
        lambda m: setattr(operation(m, "relu").outputs[0].type.tensorType, "dataType", 77),
        "elements of type 77",
    ),
    "a name that nothing computes": (
        lambda m: setattr(operation(m, "relu").inputs["x"].arguments[0], "name", "ghost"),
        "reads 'ghost' before anything computes it",
    ),
    "a line break in a name": (
        lambda m: setattr(operation(m, "relu").inputs["x"].arguments[0], "name", "a\nb"),
        r"reads 'a\\nb' before anything computes it",
    ),
    "an output that nothing computes": (
        lambda m: block_of(m).outputs.append("ghost"),
        "nothing computes the output 'ghost'",
    ),
    "no output": (lambda m: block_of(m).ClearField("outputs"), "returns nothing"),
    "a value named twice": (
        lambda m: setattr(operation(m, "relu").outputs[0], "name", "y"),
        "'y' is named twice",
    ),
    "a line break in the name of what is wrong when it runs": (
        lambda m: (rename_value(m, "fla\nt"), set_dimension(operation(m, "reshape"), 3)),
        r"operation reshape 'fla\\nt': its operands give",
    ),
    "a line break in the name of what is bound before": (
        lambda m: (rename_value(m, "fla\nt"), rename(operation(m, "reshape"), "max_pool")),
        r"operation max_pool 'fla\\nt': has no kernel_sizes",
    ),
    "a missing operand": (
        lambda m: operation(m, "conv").inputs.pop("weight"),
        "operation conv 'y': has no weight",
    ),
    "no operations": (lambda m: block_of(m).ClearField("operations"), "nothing computes"),
    "no functions": (lambda m: m.mlProgram.ClearField("functions"), "has no function"),
    "no block for the opset": (
        lambda m: setattr(m.mlProgram.functions["main"], "opset", "CoreML99"),
        "no block for its opset 'CoreML99'",
    ),
    "a reshape that does not fit": (
        lambda m: set_parameter(m, "reshape", "shape", [5, -1]),
        "operation reshape 'flat' cannot be computed",
    ),
    "too many numbers": (
        lambda m: set_parameter(m, "reshape", "shape", [5, -1, 3]),
        "is declared INT32",
    ),
    "a missing parameter": (
        lambda m: rename(operation(m, "conv"), "max_pool"),
        "operation max_pool 'y': has no kernel_sizes",
    ),
    "an input of the description that is not there": (
        lambda m: m.description.input.add(name="ghost"),
        "the program has no input 'ghost'",
    ),
    "an output of the description that is not there": (
        lambda m: m.description.output.add(name="ghost"),
        "the program has no output 'ghost'",
    ),
    "an image that is no image in the program": (
        lambda m: m.description.input.add(name="x").type.imageType.MergeFrom(
            proto.FeatureTypes_pb2.ImageFeatureType(width=5, height=4, colorSpace=10)
        ),
        "is a grayscale image in the description",
    ),
    "a default function that is not there": (
        lambda m: setattr(m.description, "defaultFunctionName", "ghost"),
        "no default function 'ghost'",
    ),
}


@pytest.mark.parametrize("name", list(EDITS))
def test_broken_in_one_place(package: Path, name: str) -> None:
    edit, sentence = EDITS[name]
    edit_package(package, edit)
    with pytest.raises(InvalidModel, match=sentence) as caught:
        load(package).run({"x": X})
    assert "\n" not in str(caught.value)
    assert str(package) in str(caught.value)


def test_the_same_package_unbroken(package: Path) -> None:
    """The package that the other tests break works when intact."""
    (found,) = load(edit_package(package, lambda m: None)).run({"x": X}).values()
    assert found.shape == (2, 12)
    assert found.any()


def test_an_unknown_operation(package: Path) -> None:
    edit_package(package, lambda m: rename(operation(m, "relu"), "levitate"))
    program = load(package)
    with pytest.raises(UnsupportedOperator, match="unsupported operation: levitate"):
        program.run({"x": X})


def test_line_breaks_in_names_of_what_is_listed(package: Path) -> None:
    """The list has its own three lines for each kind, and no other."""

    def edit(model: Any) -> None:
        rename_value(model, "fla\nt")
        rename(operation(model, "relu"), "levi\ntate")

    program = load(edit_package(package, edit))
    with pytest.raises(UnsupportedOperator, match=r"unsupported operation: levi\\ntate") as caught:
        program.run({"x": X})
    assert len(str(caught.value).splitlines()) == 3


def test_a_line_break_in_the_name_of_an_input(package: Path) -> None:
    program = load(package)
    with pytest.raises(InvalidInput, match=r"has no input 'x\\n'"):
        program.run({"x\n": X})


def test_no_weight_file(package: Path) -> None:
    (package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin").unlink()
    with pytest.raises(InvalidModel, match="weight file .* is missing"):
        load(package)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("which", ["model.mlmodel", "weights/weight.bin"])
def test_cut_off(package: Path, which: str, part: float) -> None:
    path = package / "Data" / "com.apple.CoreML" / which
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InvalidModel) as caught:
        load(package).run({"x": X})
    assert "\n" not in str(caught.value)


def test_numbers_that_would_take_all_memory(run: Any) -> None:
    """Sizes that the program computes as it runs are bounded before they are allocated."""
    big = np.array([1 << 14, 1 << 14, 1 << 10], np.int32)
    small = np.ones((1, 1, 1), np.float32)
    column = np.ones((1 << 15, 1), np.float32)
    cases: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (lambda x, n: Builder.tile(x=x, reps=n), {"x": small, "n": big}),
        (lambda n: Builder.fill(shape=n, value=np.float16(1)), {"n": big}),
        (
            lambda x, n: Builder.pad(x=x, pad=n, mode="replicate"),
            {"x": small, "n": np.array([0, 1 << 14] * 3, np.int32)},
        ),
        (
            lambda x, n: Builder.resize(x=x, shape=n, resized_dims=np.uint32(2)),
            {"x": small, "n": np.array([1 << 20, 1 << 20], np.int32)},
        ),
        (
            lambda x, n: Builder.one_hot(
                indices=Builder.cast(x=x, dtype="int32"), one_hot_vector_size=Builder.squeeze(x=n)
            ),
            {"x": column, "n": np.array([1 << 30], np.int32)},
        ),
        (
            lambda n: Builder.range_1d(start=0, end=Builder.squeeze(x=n), step=1),
            {"n": np.array([1 << 30], np.int32)},
        ),
    ]
    for broken, inputs in cases:
        with pytest.raises(InvalidModel, match="too large"):
            run(broken, **inputs)


def test_operands_that_stretch_each_other(save: Any) -> None:
    """Each is small, the result has 2⁴⁰ elements, and the file claims that it has one."""
    column = np.ones((1 << 20, 1), np.float32)
    for name in ("add", "greater", "matmul"):
        path = save(
            lambda x, y, name=name: getattr(Builder, name)(x=x, y=y, name="z"),
            name=name,
            x=column[:1],
            y=column[:1],
        )

        def lie(model: Any, name: str = name) -> None:
            function = model.mlProgram.functions["main"]
            function.inputs[0].type.tensorType.dimensions[0].constant.size = 1 << 20
            function.inputs[1].type.tensorType.dimensions[1].constant.size = 1 << 20

        with pytest.raises(InvalidModel, match="too large"):
            load(edit_package(path, lie)).run({"x": column, "y": column.reshape(1, -1)})


def test_values_that_grow_by_doubling(run: Any) -> None:
    def doubling(x: Any) -> Any:
        for _ in range(12):
            x = Builder.concat(values=(x, x), axis=0)
        return x

    x = np.zeros(1 << 17, np.float32)
    with pytest.raises(InvalidModel, match=r"more than|puts \d+ elements together"):
        run(doubling, x=x)


@pytest.mark.parametrize("seed", range(8))
def test_any_byte_may_be_wrong(package: Path, seed: int) -> None:
    """Changes random bytes of the specification and of the weights: the program is refused, or it
    runs; no other error is raised.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    files = [
        package / "Data" / "com.apple.CoreML" / "model.mlmodel",
        package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin",
    ]
    outcomes = {"ran": 0, "refused": 0}
    for which in (0, 0, 0, 1):
        original = files[which].read_bytes()
        for _ in range(25):
            content = np.frombuffer(original, np.uint8).copy()
            places = rng.integers(0, len(content), size=rng.integers(1, 5))
            content[places] = rng.integers(0, 256, size=len(places))
            files[which].write_bytes(content.tobytes())
            try:
                program = load(package)
                json.dumps(summary_of(program).to_dict(), allow_nan=False)
                program.run({"x": X})
                outcomes["ran"] += 1
            except BlazePalmError:
                outcomes["refused"] += 1
        files[which].write_bytes(original)
    assert min(outcomes.values()) > 0
