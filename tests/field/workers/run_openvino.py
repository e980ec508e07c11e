"""`model.xml` in OpenVINO on the CPU, in float32. See `serving`."""

from pathlib import Path

import openvino
from serving import Network, serve


def open_network(folder: Path, threads: int) -> Network:
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
    request = compiled.create_infer_request()

    def run(images):
        found = request.infer([images], share_inputs=True)
        return [found[output] for output in compiled.outputs]

    return Network(run, compiled.inputs[0].shape[1] == 3)


serve(open_network)
