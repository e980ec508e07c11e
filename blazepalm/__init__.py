"""MediaPipe's hand models as readable PyTorch, each proved numerically equal to the original.

Everything is imported on first use, so `import blazepalm` costs nothing.
"""

from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from blazepalm.errors import in_python
from blazepalm.version import __version__

if TYPE_CHECKING:
    from blazepalm.converter.convert import convert
    from blazepalm.converter.coreml.options import CoreMLOptions
    from blazepalm.converter.evidence import Overrides
    from blazepalm.converter.heads import anchors
    from blazepalm.converter.inspect import inspect
    from blazepalm.converter.inspection import Inspection
    from blazepalm.converter.loading import load
    from blazepalm.converter.saving import save
    from blazepalm.converter.verify import Verification, verify
    from blazepalm.errors import BlazePalmError
    from blazepalm.models.batched.pipeline import HandSlots
    from blazepalm.models.gesture_pipeline import Gesture
    from blazepalm.models.gestures import GestureClassifier, GestureEmbedder
    from blazepalm.models.hand_landmarks import HandLandmarks, LandmarkPrediction
    from blazepalm.models.hand_pipeline import Hand
    from blazepalm.models.palm_detector import PalmDetections, PalmDetector
    from blazepalm.reports.compression.int8_file import IntegerFile
    from blazepalm.reports.compression.package import IntegerPackage, SmallestPackage
    from blazepalm.reports.forms.fast import fast
    from blazepalm.reports.hands.batched_finder import BatchedHandFinder
    from blazepalm.reports.hands.hand_finder import HandFinder, Hands, hands
    from blazepalm.reports.judge.policy import Limits
    from blazepalm.reports.judge.report import ParityReport
    from blazepalm.reports.parity_python import parity

__all__ = [
    "BatchedHandFinder",
    "BlazePalmError",
    "CoreMLOptions",
    "Gesture",
    "GestureClassifier",
    "GestureEmbedder",
    "Hand",
    "HandFinder",
    "HandLandmarks",
    "HandSlots",
    "Hands",
    "Inspection",
    "IntegerFile",
    "IntegerPackage",
    "LandmarkPrediction",
    "Limits",
    "Overrides",
    "PalmDetections",
    "PalmDetector",
    "ParityReport",
    "SmallestPackage",
    "Verification",
    "__version__",
    "anchors",
    "convert",
    "fast",
    "hands",
    "inspect",
    "load",
    "parity",
    "save",
    "verify",
]

_HOMES = {
    "BatchedHandFinder": "blazepalm.reports.hands.batched_finder",
    "BlazePalmError": "blazepalm.errors",
    "CoreMLOptions": "blazepalm.converter.coreml.options",
    "Gesture": "blazepalm.models.gesture_pipeline",
    "GestureClassifier": "blazepalm.models.gestures",
    "GestureEmbedder": "blazepalm.models.gestures",
    "Hand": "blazepalm.models.hand_pipeline",
    "HandFinder": "blazepalm.reports.hands.hand_finder",
    "HandLandmarks": "blazepalm.models.hand_landmarks",
    "HandSlots": "blazepalm.models.batched.pipeline",
    "Hands": "blazepalm.reports.hands.hand_finder",
    "Inspection": "blazepalm.converter.inspection",
    "IntegerFile": "blazepalm.reports.compression.int8_file",
    "IntegerPackage": "blazepalm.reports.compression.package",
    "LandmarkPrediction": "blazepalm.models.hand_landmarks",
    "Limits": "blazepalm.reports.judge.policy",
    "Overrides": "blazepalm.converter.evidence",
    "PalmDetections": "blazepalm.models.palm_detector",
    "PalmDetector": "blazepalm.models.palm_detector",
    "ParityReport": "blazepalm.reports.judge.report",
    "SmallestPackage": "blazepalm.reports.compression.package",
    "Verification": "blazepalm.converter.verify",
    "anchors": "blazepalm.converter.heads",
    "convert": "blazepalm.converter.convert",
    "fast": "blazepalm.reports.forms.fast",
    "hands": "blazepalm.reports.hands.hand_finder",
    "inspect": "blazepalm.converter.inspect",
    "load": "blazepalm.converter.loading",
    "parity": "blazepalm.reports.parity_python",
    "save": "blazepalm.converter.saving",
    "verify": "blazepalm.converter.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'blazepalm' has no attribute {name!r}")
    with in_python():
        value = getattr(import_module(_HOMES[name]), name)
    if isinstance(value, FunctionType):
        value = in_python()(value)  # the command line calls the function itself
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
