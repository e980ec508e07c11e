"""Results of the iOS harness as a device would write them, and what can be wrong with them.

`write` makes a folder with `results.json`, raw outputs, and the fixtures' manifest; `FAULTS`
names what can be done to it. Two models, three cases, two compute units; every number comes
from a seed, percentiles from numpy.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MODELS = {
    "palm-full-2023-09": {"boxes": (8, 4), "scores": (8,)},
    "hand-full-2022": {"landmarks": (1, 21, 3), "presence": (1,)},
}
CASES = ("open-right", "fist-left", "two-hands")
UNITS = ("cpuOnly", "cpuAndNeuralEngine")

Values = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """`arrays` holds what the raw files were written from, by (model, case, units, tensor)."""

    folder: Path
    values: Values
    arrays: dict[tuple[str, str, str, str], np.ndarray]

    @property
    def path(self) -> Path:
        return self.folder / "results.json"

    @property
    def fixtures(self) -> Path:
        return self.folder / "Fixtures"

    def save(self) -> None:
        self.path.write_text(json.dumps(self.values, sort_keys=True), encoding="utf-8")


def write(folder: Path, fault: str | None = None, seed: int = 0) -> Written:
    """A sound folder, or one with the fault of that name."""
    random = np.random.Generator(np.random.PCG64(seed))
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(folder / "Fixtures")
    arrays, parity = {}, []
    for model, outputs in MODELS.items():
        for case in CASES:
            for units in UNITS:
                for tensor, shape in outputs.items():
                    array = random.normal(0, 10, shape).astype("<f4")
                    raw = f"{model}/{case}__{units}__{tensor}.bin"
                    (folder / model).mkdir(exist_ok=True)
                    (folder / raw).write_bytes(array.tobytes())
                    arrays[model, case, units, tensor] = array
                    parity.append(
                        {
                            "model": model, "case": case, "units": units, "tensor": tensor,
                            "n": math.prod(shape), "max_abs": 0.0125, "nan_count": 0,
                            "raw_file": raw,
                        }
                    )  # fmt: skip
    values: Values = {
        "schema": "blazepalm-ios-results/1",
        "run": {
            "id": "2026-11-22-1", "started_at": "2026-11-22T10:00:00Z", "commit": "b85b200",
            "configuration": "Release", "config_sha256": "ab" * 32, "channel": "device",
        },
        "device": {
            "model": "iPhone15,2", "is_simulator": False, "os_version": "18.6",
            "os_build": "22G86", "ram_bytes": 6 << 30, "low_power": False,
            "compute_devices": ["cpu", "gpu", "neuralEngine"],
        },
        "fixtures": {"manifest_sha256": manifest},
        "models": [
            {
                "name": model, "file": f"models/{model}.mlpackage", "sha256": _digest(model),
                "precision": "fp16",
                "io": [
                    {"name": "image", "dtype": "image", "shape": [], "strides": []},
                    *(
                        {"name": name, "dtype": "float16", "shape": list(shape), "strides": []}
                        for name, shape in outputs.items()
                    ),
                ],
            }
            for model, outputs in MODELS.items()
        ],
        "parity": parity,
        "pipeline": [
            {
                "case": case, "units": units, "expected": 1, "found": 1, "box_iou_min": 0.998,
                "landmark_error_max": 0.0004,
            }
            for case in CASES
            for units in UNITS
        ],
        "bench": [_bench(random, model, units) for model in MODELS for units in UNITS],
        "failures": [],
        "status": "complete",
    }  # fmt: skip
    written = Written(folder, values, arrays)
    if fault is not None:
        FAULTS[fault](written)
    written.save()
    return written


def _bench(random: np.random.Generator, model: str, units: str) -> Values:
    samples = [int(ns) for ns in random.integers(1_200_000, 1_500_000, 200)]
    milliseconds = np.asarray(samples) / 1e6
    return {
        "model": model, "units": units, "warmup": 20, "samples_ns": samples,
        **{f"p{p}_ms": float(np.percentile(milliseconds, p)) for p in (50, 90, 95, 99)},
        "first_ms": 31.5,
        "load": {"compile_ms": 210.0, "cold_ms": 640.5, "warm_ms": [88.0, 87.5, 90.25]},
        "memory": {"before": 40 << 20, "loaded": 52 << 20, "peak": 61 << 20},
        "thermal": {"start": "nominal", "end": "nominal", "events": []},
        "plan": {"ane": 0.97, "gpu": 0.0, "cpu": 0.03},
    }  # fmt: skip


def _manifest(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    manifest = {
        "format": "blazepalm-ios-fixtures/1",
        "models": [
            {
                "name": model,
                "sha256": _digest(model),
                "outputs": [{"name": n, "shape": list(s)} for n, s in outputs.items()],
            }
            for model, outputs in MODELS.items()
        ],
    }
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _set(*path: str | int, to: Any) -> Callable[[Written], None]:
    def fault(written: Written) -> None:
        place: Any = written.values
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return fault


def _raw(change: Callable[[bytes], bytes]) -> Callable[[Written], None]:
    """Changes the first raw file's bytes."""

    def fault(written: Written) -> None:
        file = written.folder / written.values["parity"][0]["raw_file"]
        file.write_bytes(change(file.read_bytes()))

    return fault


def _with_nan(content: bytes) -> bytes:
    values = np.frombuffer(content, "<f4").copy()
    values[5] = np.nan
    return values.tobytes()


def _padded(content: bytes) -> bytes:
    """Rows of four values, 64 bytes apart, as the Neural Engine keeps them."""
    rows = np.frombuffer(content, "<f4").reshape(-1, 4)
    return np.pad(rows, ((0, 0), (0, 12))).tobytes()


def _absent(written: Written) -> None:
    (written.folder / written.values["parity"][0]["raw_file"]).unlink()


def _link_out(written: Written) -> None:
    """A raw file that is a link to a file elsewhere."""
    outside = written.folder.with_name(written.folder.name + "-outside.bin")
    file = written.folder / written.values["parity"][0]["raw_file"]
    outside.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(outside)


def _partial(written: Written) -> None:
    """Cut off after the first model's first case; no benchmark yet."""
    written.values["status"] = "partial"
    written.values["parity"] = written.values["parity"][:4]
    written.values["bench"] = []


def _twice(written: Written) -> None:
    written.values["parity"].append(dict(written.values["parity"][0]))


def _dropped(key: str) -> Callable[[Written], None]:
    return lambda written: written.values.pop(key)


FAULTS: dict[str, Callable[[Written], Any]] = {
    # refused as a whole
    "unknown schema": _set("schema", to="blazepalm-ios-results/2"),
    "other manifest": _set("fixtures", "manifest_sha256", to="0" * 64),
    "other model": _set("models", 0, "sha256", to="1" * 64),
    "unknown model": _set("models", 0, "name", to="palm-of-mine"),
    "climbs out": _set("parity", 0, "raw_file", to="../../../etc/passwd"),
    "absolute path": _set("parity", 0, "raw_file", to="/etc/passwd"),
    "link out": _link_out,
    "no device": _dropped("device"),
    "samples of text": _set("bench", 0, "samples_ns", to=["1200000"]),
    "endless shape": _set("models", 0, "io", 1, "shape", to=[1 << 40]),
    # one output, or one figure, cannot be used
    "cut off": _raw(lambda content: content[:-4]),
    "padded": _raw(_padded),
    "absent": _absent,
    "name too long": _set("parity", 0, "raw_file", to="é" * 200),
    "NaN": _raw(_with_nan),
    "wrong shape": _set("models", 0, "io", 1, "shape", to=[4, 8]),
    "wrong count": _set("parity", 0, "n", to=31),
    "unknown tensor": _set("parity", 0, "tensor", to="anchors"),
    "twice": _twice,
    "wrong percentile": _set("bench", 0, "p50_ms", to=0.4),
    "no samples": _set("bench", 0, "samples_ns", to=[]),
    # no benchmark
    "simulator": _set("device", "is_simulator", to=True),
    "replay": _set("run", "channel", to="replay"),
    "Debug": _set("run", "configuration", to="Debug"),
    "low power": _set("device", "low_power", to=True),
    "hot at the end": _set("bench", 1, "thermal", "end", to="serious"),
    "hot in between": _set(
        "bench", 1, "thermal", "events", to=[{"at_s": 3.5, "state": "critical"}]
    ),
    "warm at the start": _set("bench", 1, "thermal", "start", to="fair"),
    # fine
    "partial": _partial,
}
