"""The kinds of evidence, in the words of specs and reports (listed in `converter.evidence`), and
the kinds of outputs that a landmark network has.
"""

from collections.abc import Callable

OPTION, RELEASE, NAMES, SHAPE = "option", "release", "names", "shape"
WEIGHTS, FILE, BEHAVIOUR, STRUCTURE, ASSUMED = (
    "weights",
    "file",
    "behaviour",
    "structure",
    "assumed",
)

POINTS = ("landmarks", "world_landmarks")
SCORES = ("presence", "handedness")

Notice = Callable[[str], None]
