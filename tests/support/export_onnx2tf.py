"""Exports converted releases to ONNX with torch and from there with onnx2tf, in an environment
of its own. Run there, with the checkout on PYTHONPATH:

    python tests/support/export_onnx2tf.py OUTPUT_FOLDER CONVERTED_FOLDER…

Each folder is one that `blazepalm convert` wrote; OUTPUT_FOLDER gets a `.tflite` of its name.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from export_litert_torch import readable

# onnx2tf checks itself on pictures that it would fetch; any will do
PICTURES = "calibration_image_sample_data_20x128x128x3_float32.npy"


def main(output: Path, folders: list[Path]) -> None:
    # onnx2tf calls `onnxsim` by name
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    import onnx2tf

    output.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        module, shape = readable(folder)
        with tempfile.TemporaryDirectory() as place:
            pictures = np.random.default_rng(1).uniform(0, 1, (20, 128, 128, 3))
            np.save(Path(place) / PICTURES, pictures.astype(np.float32))
            os.chdir(place)
            file = Path(place) / "model.onnx"
            torch.onnx.export(
                module,
                (torch.zeros(shape),),
                str(file),
                input_names=["image"],
                opset_version=17,
                dynamo=False,
            )
            onnx2tf.convert(
                input_onnx_file_path=str(file),
                output_folder_path=place,
                copy_onnx_input_output_names_to_tflite=True,
                non_verbose=True,
            )
            shutil.copy(Path(place) / "model_float32.tflite", output / f"{folder.name}.tflite")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), [Path(name).absolute() for name in sys.argv[2:]])
