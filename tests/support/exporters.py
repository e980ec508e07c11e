"""The environments of litert-torch and onnx2tf: each its own, since they pin other versions.

    python tests/support/exporters.py            makes both (several minutes, about 3 GB)

They are made in `.exporters` of the checkout, or where BLAZEPALM_EXPORTERS says. Tests that
export skip where they are not there.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TORCH = "torch==2.13.0"

# exporter → what is installed, and the script that exports
EXPORTERS: dict[str, tuple[tuple[str, ...], str]] = {
    "litert-torch": ((TORCH, "litert-torch==0.10.0"), "export_litert_torch.py"),
    "onnx2tf": (
        (
            *(TORCH, "onnx", "onnx2tf==1.28.8", "tensorflow-cpu", "tf_keras", "psutil"),
            *("onnx_graphsurgeon", "sng4onnx", "onnxruntime", "ai-edge-litert", "onnxsim"),
        ),
        "export_onnx2tf.py",
    ),
}


def folder() -> Path:
    return Path(os.environ.get("BLAZEPALM_EXPORTERS", ROOT / ".exporters"))


def export(exporter: str, converted: Path, output: Path) -> Path:
    """The `.tflite` that an exporter makes of a folder that `blazepalm convert` wrote; skips
    the test where the exporter is not there.
    """
    python = folder() / exporter / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"no {python}: run `python tests/support/exporters.py` for the environments")
    script = Path(__file__).with_name(EXPORTERS[exporter][1])
    done = subprocess.run(
        [str(python), str(script), str(output), str(converted)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return output / f"{converted.name}.tflite"


def main() -> None:
    for exporter, (packages, _) in EXPORTERS.items():
        place = folder() / exporter
        venv.create(place, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, TORCH], check=True)  # first, so that a CPU build is kept
        subprocess.run([*pip, *packages], check=True)
        print(f"{exporter}: {place}", file=sys.stderr)


if __name__ == "__main__":
    main()
