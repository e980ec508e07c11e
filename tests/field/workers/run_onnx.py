"""`model.onnx` in ONNX Runtime on the CPU. See `serving`."""

from pathlib import Path

import onnxruntime
from serving import Network, serve


def open_network(folder: Path, threads: int) -> Network:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    path = str(folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return Network(lambda images: session.run(None, {given.name: images}), given.shape[1] == 3)


serve(open_network)
