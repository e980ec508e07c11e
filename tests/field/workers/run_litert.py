"""The `.tflite` of a folder in LiteRT. See `serving`."""

from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from serving import Network, serve


def open_network(folder: Path, threads: int) -> Network:
    (file,) = folder.glob("*.tflite")
    interpreter = Interpreter(str(file), num_threads=threads)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    outputs = [output["index"] for output in interpreter.get_output_details()]

    def run(images):
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return Network(run, channels_first=given["shape"][1] == 3)


serve(open_network)
