"""`classify`: turns probabilities into a classifier's outputs.

coremltools/converters/mil/mil/ops/defs/iOS15/classify.py. Differs from Core ML in: the second
output is not a dictionary from class to probability, but the probabilities in the classes' order.
"""

import torch

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("classify")
def classify(call: Call) -> Kernel:
    """The label with the largest probability, and all probabilities as a vector."""
    call.needs("probabilities")
    labels = call.array("classes").reshape(-1)
    if len(call.operation.outputs) != 2:
        raise call.invalid(f"has {len(call.operation.outputs)} outputs")

    def run(probabilities: torch.Tensor) -> tuple[object, object]:
        flat = probabilities.reshape(-1)
        if flat.numel() != labels.size:
            raise ValueError(f"{flat.numel()} probabilities of {labels.size} classes")
        return labels[int(flat.argmax())], flat.numpy().copy()

    return call.kernel(run, "probabilities", rounds=False)
