"""Executes a saved Core ML ML program on any machine, operation by operation, in torch.

    program = load("PalmDetector.mlpackage")
    outputs = program.run({"image": picture})

What it computes is labelled *executed by blazepalm*: it is not Apple's runtime.
"""

from blazepalm.reports.backends.mil.interface import Feature
from blazepalm.reports.backends.mil.program import LABEL, Program, load

__all__ = ["LABEL", "Feature", "Program", "load"]
