"""`classify`: what makes a classifier's outputs of its probabilities.

coremltools/converters/mil/mil/ops/defs/iOS15/classify.py. The gap: its second output is a
dictionary from class to probability; here it is the probabilities alone, in the order of the
classes.
"""

import torch

from blazepalm.reports.backends.mil.call import Site
from blazepalm.reports.backends.mil.executors import Kernel, executes


@executes("classify")
def classify(site: Site) -> Kernel:
    """The label of the largest probability, and all of them as a vector."""
    site.needs("probabilities")
    labels = site.array("classes").reshape(-1)
    if len(site.operation.outputs) != 2:
        raise site.invalid(f"has {len(site.operation.outputs)} outputs")

    def run(probabilities: torch.Tensor) -> tuple[object, object]:
        flat = probabilities.reshape(-1)
        if flat.numel() != labels.size:
            raise ValueError(f"{flat.numel()} probabilities of {labels.size} classes")
        return labels[int(flat.argmax())], flat.numpy().copy()

    return site.kernel(run, "probabilities", rounds=False)
