"""Faults to plant, one at a time: mistakes that a converter, a pre-processor or a report may make.

A fault changes a copy: the traced calls and weights of the readable module, a pipeline stage, a
network's apparent answer, or what every backend takes the file to mean. It names its place, so that
the self-test checks not only that the gate fails, but that it points at the right place.
"""

from blazepalm.reports.faults.misread import MISREAD_FAULTS
from blazepalm.reports.faults.network import NETWORK_FAULTS
from blazepalm.reports.faults.package import PACKAGE_FAULTS
from blazepalm.reports.faults.planted import Fault, Planted
from blazepalm.reports.faults.stages import ANSWER_FAULTS, STAGE_FAULTS, Answers

__all__ = ["FAULTS", "Answers", "Fault", "Planted"]

FAULTS: tuple[Fault, ...] = (
    *NETWORK_FAULTS,
    *PACKAGE_FAULTS,
    *STAGE_FAULTS,
    *ANSWER_FAULTS,
    *MISREAD_FAULTS,
)
