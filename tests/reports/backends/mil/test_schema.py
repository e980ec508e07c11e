"""The message classes: coremltools' own, loaded without coremltools."""

import subprocess
import sys
from pathlib import Path

import pytest
from coremltools import proto

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.schema import data_types, parse_model, specification


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_reading_a_package_imports_neither_torch_nor_coremltools(tmp_path: Path) -> None:
    (tmp_path / "a.mlmodel").write_bytes(b"")
    code = f"""
import sys
from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil import load
try:
    load({str(tmp_path / "a.mlmodel")!r})
except InvalidModel:
    print([name in sys.modules for name in ("torch", "coremltools")])
"""
    assert python(code) == "[False, False]"


def test_the_classes_go_together_with_coremltools_own() -> None:
    """Works in either order: here coremltools was imported first (by the fixtures), in the
    subprocess it is imported afterwards.
    """
    read_with_both = """
import warnings; warnings.simplefilter("ignore")
from blazepalm.reports.backends.mil.schema import specification
ours = specification().Model_pb2.Model(specificationVersion=7)
import coremltools
theirs = coremltools.proto.Model_pb2.Model()
theirs.ParseFromString(ours.SerializeToString())
print(theirs.specificationVersion)
"""
    assert python(read_with_both) == "7"
    theirs = proto.Model_pb2.Model(specificationVersion=9)
    ours = specification().Model_pb2.Model()
    ours.ParseFromString(theirs.SerializeToString())
    assert ours.specificationVersion == 9


def test_the_numbers_of_the_types() -> None:
    names = data_types()
    assert (names[10], names[11], names[23], names[35]) == ("FLOAT16", "FLOAT32", "INT32", "UINT4")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xff\xff", "not a Core ML model, or cut off"),
        (b"", "holds no model"),
        (b"PK\x03\x04 a zip file", "not a Core ML model"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.mlmodel"
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=sentence):
        parse_model(path)


def test_a_neural_network_is_told_apart(tmp_path: Path) -> None:
    model = specification().Model_pb2.Model(specificationVersion=4)
    model.neuralNetwork.layers.add(name="a")
    path = tmp_path / "a.mlmodel"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModel, match="kind neuralNetwork, not an ML program"):
        parse_model(path)


def test_a_specification_that_would_fill_memory_is_not_read(tmp_path: Path) -> None:
    """Two bytes of Protocol Buffers become seventy in memory; 100 MB of them took 3.8 GB."""
    path = tmp_path / "a.mlmodel"
    with path.open("wb") as file:
        file.truncate(100 << 20)  # takes no room on the disk
    with pytest.raises(InvalidModel, match="has 104857600 bytes, at most 33554432 are read; an ML"):
        parse_model(path)
