"""Faults to plant: what a converter, a pre-processor or a report may get wrong, one at a time.

A fault changes a copy: the traced calls and weights of the readable module, a stage of the way
to the hands, or what a network seems to answer. It says where it is, so that the gate can be
asked not only whether it fails, but whether it points at the right place.
"""

from blazepalm.reports.faults.network import NETWORK_FAULTS
from blazepalm.reports.faults.planted import Fault, Planted
from blazepalm.reports.faults.stages import ANSWER_FAULTS, STAGE_FAULTS, Answers

__all__ = ["FAULTS", "Answers", "Fault", "Planted"]

FAULTS: tuple[Fault, ...] = (*NETWORK_FAULTS, *STAGE_FAULTS, *ANSWER_FAULTS)
