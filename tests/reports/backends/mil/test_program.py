"""A program's public interface: what it reports about itself, intermediates, what it refuses."""

import threading
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder
from torch import nn

from blazepalm.errors import InvalidInput, InvalidModel, UnsupportedOperator
from blazepalm.reports.backends.mil import LABEL, load

X = np.linspace(-2, 2, 24).reshape(2, 3, 4).astype(np.float32)


def two_steps(x: Any) -> Any:
    y = Builder.mul(x=x, y=np.float32(2), name="doubled")
    return Builder.relu(x=y, name="kept"), Builder.reduce_sum(x=y, axes=[0], name="sums")


def test_what_it_says_of_itself(save: Any) -> None:
    def build(x: Any) -> Any:
        small = Builder.cast(x=x, dtype="fp16")
        weight = np.ones((5, 4), np.float16)
        return Builder.linear(x=small, weight=weight), Builder.relu(x=x)

    program = load(save(build, x=X))
    assert program.operations == {"cast": 1, "linear": 1, "relu": 1}
    assert program.precisions == {"FLOAT16": 2, "FLOAT32": 1}
    assert program.weight_bytes == {"FLOAT16": 40}  # 5×4; small constants lie in the program
    assert [str(feature) for feature in program.inputs] == ["x: FLOAT32[2, 3, 4]"]
    assert program.specification_version == 8
    assert program.label == LABEL == "executed by blazepalm"


def test_a_description_is_read(convert: Any, tmp_path: Path) -> None:
    path = convert(nn.ReLU(), [ct.TensorType("x", shape=(1, 3))])
    model = ct.models.MLModel(str(path), skip_model_load=True)
    model.author, model.license = "someone", "Apache-2.0"
    model.short_description, model.version = "keeps what is above 0", "2"
    model.input_description["x"] = "anything"
    model.save(str(tmp_path / "described.mlpackage"))
    program = load(tmp_path / "described.mlpackage")
    found = [program.metadata[key] for key in ("author", "licence", "description", "version")]
    assert found == ["someone", "Apache-2.0", "keeps what is above 0", "2"]
    assert program.inputs[0].description == "anything"


def test_intermediate_values_by_name(save: Any) -> None:
    program = load(save(two_steps, x=X))
    assert list(program.run({"x": X})) == ["kept", "sums"]
    found = program.run({"x": X}, intermediates=["doubled"])
    assert list(found) == ["kept", "sums", "doubled"]
    np.testing.assert_array_equal(found["doubled"], X * 2)
    assert set(program.run({"x": X}, intermediates=True)) == {"doubled", "kept", "sums"}
    np.testing.assert_array_equal(program.run({"x": X}, intermediates=["x"])["x"], X)
    with pytest.raises(InvalidModel, match="no value 'double' is computed; did you mean doubled"):
        program.run({"x": X}, intermediates=["double"])


def test_an_intermediate_of_float16_is_float16(save: Any) -> None:
    def build(x: Any) -> Any:
        y = Builder.mul(x=x, y=np.float16(1 / 3), name="third")
        return Builder.relu(x=y)

    x = np.array([1.0, 5.0], np.float16)
    third = load(save(build, x=x)).run({"x": x}, intermediates=["third"])["third"]
    assert third.dtype == np.float16
    assert third.tolist() == (x * np.float16(1 / 3)).tolist()


def test_every_lacking_operation_is_named_at_once(save: Any) -> None:
    def build(x: Any) -> Any:
        y = Builder.random_uniform(shape=[2], seed=1, low=np.float32(0), high=np.float32(1))
        z = Builder.random_normal(shape=[2], seed=1, mean=np.float32(0), stddev=np.float32(1))
        w = Builder.random_uniform(shape=[2], seed=2, low=np.float32(0), high=np.float32(1))
        return Builder.relu(x=x), y, z, w

    program = load(save(build, x=X))
    assert program.operations["random_uniform"] == 2
    with pytest.raises(UnsupportedOperator) as caught:
        program.run({"x": X})
    lines = str(caught.value).splitlines()
    assert lines[0] == "unsupported operation: random_uniform (CoreML7), 2 times"
    assert "operation random_uniform '" in lines[1] and str(program.path) in lines[1]
    assert "@executes('random_uniform')" in lines[2]
    assert lines[3] == "unsupported operation: random_normal (CoreML7), once"
    assert len(lines) == 6


def test_every_refused_parameter_is_named_at_once(save: Any) -> None:
    def build(x: Any) -> Any:
        sizes = Builder.shape(x=x)
        first = Builder.upsample_bilinear(
            x=x,
            scale_factor_height=2,
            scale_factor_width=2,
            align_corners=True,
            half_pixel_centers=True,
            name="first",
        )
        second = Builder.upsample_bilinear(
            x=x,
            scale_factor_height=3,
            scale_factor_width=2,
            align_corners=True,
            half_pixel_centers=True,
            name="second",
        )
        return first, second, sizes

    with pytest.raises(UnsupportedOperator) as caught:
        load(save(build, x=X)).run({"x": X})
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "'first': has both align_corners" in lines[0]
    assert "'second': has both align_corners" in lines[1]


def test_control_flow_is_refused(save: Any) -> None:
    def build(x: Any) -> Any:
        positive = Builder.greater(
            x=Builder.reduce_sum(x=x, axes=[0], keep_dims=False), y=np.float32(0)
        )
        return Builder.cond(
            pred=positive,
            _true_fn=lambda: Builder.relu(x=x),
            _false_fn=lambda: Builder.identity(x=x),
        )

    x = np.ones(3, np.float32)
    with pytest.raises(UnsupportedOperator, match="unsupported operation: cond"):
        load(save(build, x=x)).run({"x": x})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.zeros((2, 3, 5), np.float32), r"takes shape FLOAT32\[2, 3, 4\], found \[2, 3, 5\]"),
        (np.array(["a"]), "found <U1"),
        (np.zeros((2, 3, 4), complex), "found complex128"),
        (None, "'x' is missing"),
    ],
)
def test_what_an_input_is_not(save: Any, value: Any, sentence: str) -> None:
    program = load(save(two_steps, x=X))
    with pytest.raises(InvalidInput, match=sentence):
        program.run({"x": value})


def test_integers_and_doubles_are_taken_as_floats(save: Any) -> None:
    program = load(save(two_steps, x=X))
    for value in [X.astype(np.float64), np.zeros((2, 3, 4), np.int64), X.tolist()]:
        assert program.run({"x": value})["kept"].dtype == np.float32


def test_a_caller_may_keep_its_array_read_only(save: Any) -> None:
    x = X.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(
        load(save(two_steps, x=X)).run({"x": x})["kept"], np.maximum(2 * X, 0)
    )


def test_several_threads_run_one_program(save: Any) -> None:
    program = load(save(two_steps, x=X))
    wrong: list[int] = []

    def work(seed: int) -> None:
        for step in range(20):
            x = np.full((2, 3, 4), seed + step, np.float32)
            if not (program.run({"x": x})["kept"] == 2 * x).all():
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_weights_are_read_from_the_file_alone(convert: Any, tmp_path: Path) -> None:
    """Nothing from the conversion is used: the moved package still gives torch's numbers, and with
    a weight file of zeros it gives the bias.
    """
    torch.manual_seed(0)
    module = nn.Conv2d(3, 8, 3)
    path: Path = convert(module, [ct.TensorType("x", shape=(1, 3, 6, 5))])
    moved = path.rename(tmp_path / "elsewhere.mlpackage")
    x = torch.rand(1, 3, 6, 5)
    with torch.no_grad():
        expected = module(x).numpy()
    (found,) = load(moved).run({"x": x.numpy()}).values()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    (weights,) = moved.rglob("weight.bin")
    content = weights.read_bytes()
    assert module.weight.detach().numpy().tobytes() in content
    nothing = b"\0" * module.weight.nelement() * 4
    weights.write_bytes(content.replace(module.weight.detach().numpy().tobytes(), nothing))
    (found,) = load(moved).run({"x": x.numpy()}).values()
    bias = module.bias.detach().numpy().reshape(1, 8, 1, 1)
    np.testing.assert_array_equal(found, np.broadcast_to(bias, expected.shape))
