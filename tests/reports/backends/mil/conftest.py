"""Programs written with coremltools' own builder, saved as packages, read back and executed."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blazepalm.reports.backends.mil import Program, load
from support.packages import convert_module, write_package

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # coremltools about the versions that it has not seen
    import coremltools as ct
    from coremltools import proto
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.backend.mil.load import load as to_specification
    from coremltools.converters.mil.mil import types

Build = Callable[..., Any]
Save = Callable[..., Path]
Run = Callable[..., list[np.ndarray]]
Infer = Callable[..., Any]
Convert = Callable[..., Path]

SPECIFICATION = {"iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9}


@pytest.fixture(scope="session", name="write_package")
def _write_package() -> Callable[..., Path]:
    return write_package


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """`save(build, x=array)` writes a program whose inputs are like the arrays, → its package.

    `build` gets builder variables and returns one or several; `opset` is "iOS17" by default.
    """

    def save(build: Build, opset: str = "iOS17", name: str = "program", **inputs: Any) -> Path:
        specs = [
            Builder.TensorSpec(
                shape=value.shape, dtype=types.numpy_type_to_builtin_type(value.dtype.type)
            )
            for value in inputs.values()
        ]
        names = list(inputs)
        # the builder names the inputs after the function's parameters
        scope = {"build": build}
        exec(f"def main({', '.join(names)}): return build({', '.join(names)})", scope)
        target = getattr(ct.target, opset)
        program = Builder.program(input_specs=specs, opset_version=target)(scope["main"])
        folder = tmp_path / f"{name}-weights"
        folder.mkdir()
        model = to_specification(
            program,
            weights_dir=str(folder),
            specification_version=SPECIFICATION[opset],
            model_description=proto.Model_pb2.ModelDescription(),
        )
        weights = folder / "weight.bin"
        return write_package(
            tmp_path / f"{name}.mlpackage",
            model.SerializeToString(),
            weights.read_bytes() if weights.exists() else None,
        )

    return save


@pytest.fixture
def run(save: Save) -> Run:
    """`run(build, x=array)` saves, reads back, executes; the outputs in the program's order."""
    count = 0

    def run(
        build: Build, opset: str = "iOS17", accumulation: str = "float32", **inputs: Any
    ) -> list[np.ndarray]:
        nonlocal count
        count += 1
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        program: Program = load(save(build, opset, f"program{count}", **arrays))
        outputs = program.run(arrays, accumulation=accumulation)
        names: Sequence[str] = program.functions["main"].outputs
        return [outputs[name] for name in names]

    return run


@pytest.fixture
def infer() -> Infer:
    """`infer("relu", x=array)` → what coremltools' own value inference says of the operation
    (a tuple of arrays where it has several results). Fails where it infers nothing.
    """

    def infer(name: str, opset: str = "iOS17", **arguments: Any) -> Any:
        found: list[Any] = []

        def main() -> Any:
            result = getattr(Builder, name)(**arguments)
            results = result if isinstance(result, tuple | list) else (result,)
            found.extend(r.val for r in results)
            return Builder.identity(x=np.float32(0))

        Builder.program(input_specs=[], opset_version=getattr(ct.target, opset))(main)
        assert all(value is not None for value in found), f"no value is inferred for {name}"
        return found[0] if len(found) == 1 else tuple(found)

    return infer


@pytest.fixture
def check(run: Run, infer: Infer) -> Callable[..., None]:
    """`check("elu", {"x": array}, alpha=0.5)`: executed, with the first arguments given at run
    time, an operation gives what value inference gives. Float operands are tried in float32 and
    in float16: there the expected value is the float32 one, rounded once.
    """

    def check(
        name: str,
        operands: dict[str, np.ndarray],
        opset: str = "iOS17",
        float16: bool = True,
        rtol: float = 2e-6,
        **constants: Any,
    ) -> None:
        operands = {key: np.asarray(value) for key, value in operands.items()}
        floats = any(value.dtype == np.float32 for value in operands.values())
        for half in [False, True] if floats and float16 else [False]:
            given = _precision(operands, half)
            expected = infer(name, opset, **_precision(given, False), **constants)
            fixed = _precision(constants, True) if half else constants

            def build(*variables: Any, fixed: dict[str, Any] = fixed) -> Any:
                return getattr(Builder, name)(
                    **dict(zip(operands, variables, strict=True)), **fixed
                )

            found = run(build, opset, **given)
            wanted = expected if isinstance(expected, tuple) else (expected,)
            assert len(found) == len(wanted) > 0
            for value, reference in zip(found, wanted, strict=True):
                reference = np.asarray(reference)
                assert value.shape == reference.shape and value.size > 0
                if value.dtype == np.float16:
                    np.testing.assert_allclose(
                        value.astype(np.float32),
                        reference.astype(np.float16).astype(np.float32),
                        rtol=2**-10,
                        atol=1e-7,
                    )
                elif value.dtype == np.float32:
                    scale = float(np.abs(reference[np.isfinite(reference)]).max(initial=1.0))
                    np.testing.assert_allclose(value, reference, rtol=rtol, atol=rtol * scale)
                else:
                    assert value.dtype.kind == reference.dtype.kind
                    np.testing.assert_array_equal(value, reference)

    return check


def _precision(arguments: dict[str, Any], half: bool) -> dict[str, Any]:
    """Float arrays and numbers as float16, or float16 ones as float32."""
    source, target = (np.float32, np.float16) if half else (np.float16, np.float32)
    return {
        key: value.astype(target) if getattr(value, "dtype", None) == source else value
        for key, value in arguments.items()
    }


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """`convert(module, [ct.TensorType("x", shape=(1, 3))])` traces a torch module, converts it
    with coremltools (iOS 16, float32, if not said otherwise), saves, and gives the path.
    """
    count = 0

    def convert(
        module: Any,
        inputs: Sequence[Any],
        target: str = "iOS16",
        precision: str = "FLOAT32",
        **options: Any,
    ) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"converted{count}.mlpackage"
        return convert_module(path, module, inputs, target=target, precision=precision, **options)

    return convert


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(20190817))
