"""The API for PyTorch users: the two networks, their anchors, decoding and releases.

`PalmDetector` and `HandLandmarks` are imported on first use, so the registry and the anchors work
without torch.
"""

from typing import TYPE_CHECKING, Any

if __name__ != "blazepalm.models":
    raise ImportError("import this package as blazepalm.models, not as models")

if TYPE_CHECKING:
    from blazepalm.models.hand_landmarks import HandLandmarks
    from blazepalm.models.palm_detector import PalmDetector

__all__ = ["HandLandmarks", "PalmDetector"]


def __getattr__(name: str) -> Any:
    if name == "PalmDetector":
        from blazepalm.models.palm_detector import PalmDetector

        return PalmDetector
    if name == "HandLandmarks":
        from blazepalm.models.hand_landmarks import HandLandmarks

        return HandLandmarks
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
