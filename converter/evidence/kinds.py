"""The kinds of evidence, in the words of specs and reports (listed in `converter.evidence`)."""

from collections.abc import Callable

OPTION, RELEASE, NAMES, SHAPE = "option", "release", "names", "shape"
WEIGHTS, FILE, BEHAVIOUR, STRUCTURE, ASSUMED = (
    "weights",
    "file",
    "behaviour",
    "structure",
    "assumed",
)


Notice = Callable[[str], None]
