"""`classify`: what makes a classifier's outputs of its probabilities.

coremltools/converters/mil/mil/ops/defs/iOS15/classify.py. The gap: its second output is a
dictionary from class to probability; here it is the probabilities alone, in the order of the
classes.
"""

import torch

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("classify")
def classify(call: Call) -> Kernel:
    """The label of the largest probability, and all of them as a vector."""
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
