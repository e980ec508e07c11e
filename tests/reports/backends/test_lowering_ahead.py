"""The second and later models are lowered in other processes, while this one opens the first."""

import time
from pathlib import Path

import pytest

from blazepalm.reports.backends import lowering_ahead as ahead
from blazepalm.reports.backends.lowering_ahead import lowering_ahead

# in place of `lower_all`: keeps the names and sizes of what it is given
KEEPS = """
import json, sys
from pathlib import Path
for path, source in json.loads(sys.argv[2]):
    Path(source).write_bytes(Path(path).read_bytes())
"""


def test_every_model_is_shared_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "START", KEEPS)
    models = [(str(tmp_path / name), name.encode()) for name in "abc"]
    with lowering_ahead(models, 2) as start:
        assert not list(tmp_path.iterdir()), "nothing starts by itself"
        start()
        start()
        end = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: name.encode() for name in "abc"
    }


def test_what_cannot_be_converted_is_left_to_whoever_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "0").write_bytes(b"no model")
    ahead.lower_all([[str(tmp_path / "0"), "x.tflite"]])
    assert not (tmp_path / "cache").exists()
