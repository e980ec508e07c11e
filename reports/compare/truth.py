"""Compares what a model finds in a rendered picture with the renderer's joints, which shows errors
that every backend shares: if a file's outputs are read in the wrong roles, both sides of a parity
are equally blind.

A palm is found if its keypoints lie within one palm size of the joints that they mark: the region
of interest is 2.6 palm boxes wide, so a landmark model still sees the hand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.reports.compare.hands import Scalars, hand_boxes, match, palm_size
from blazepalm.reports.compare.rows import MEAN, SHARE, Scalar

# The joints that a detector's keypoints mark, in its order: wrist, bases of the fingers, thumb.
# MediaPipe v0.10.21, mediapipe/modules/hand_landmark/palm_detection_detection_to_roi.pbtxt names
# the first and the third; the others agree with the rendered joints.
PALM_JOINTS = (0, 5, 9, 13, 17, 1, 2)
FOUND_WITHIN = 1.0  # palm sizes, mean over the keypoints
FOUND_IOU = 0.2  # of the boxes around the joints

RECALL, PRECISION, JOINT_ERROR, HANDEDNESS = "recall", "precision", "joint error", "handedness"

Truth = Sequence[Mapping[str, Any]]  # hands as the report lists them
Errors = Mapping[str, float]


def truth_errors(truth: Truth, found: Truth) -> dict[str, float]:
    """Errors against a rendered picture's truth: hands present, found, false; the sum over found
    hands of the mean joint error divided by the palm's size; handedness given, and correct.
    """
    matches = match(hand_boxes(truth), hand_boxes(found), least_iou=FOUND_IOU)
    values = _counted(len(truth), len(matches.pairs), len(matches.extra))
    for t, f, _ in matches.pairs:
        true, joints = _plane(truth[t]["landmarks"]), _plane(found[f]["landmarks"])
        palm = palm_size(true)
        if palm > 0:
            values["joint_error"] += float(np.hypot(*(joints - true).T).mean()) / palm
            values["joints_of"] += 1
        side = found[f].get("handedness")
        if isinstance(side, float):
            values["handedness_told"] += 1
            right = "right" if side > 0.5 else "left"
            values["handedness_right"] += float(right == truth[t]["handedness"])
    return values


def palm_errors(truth: Truth, keypoints: NDArray[np.floating]) -> dict[str, float]:
    """The same sums for a detector's palms. `keypoints`: (M, K, 2) in pixels of the picture."""
    from scipy.optimize import linear_sum_assignment

    joints = list(PALM_JOINTS[: keypoints.shape[1]])
    keypoints = keypoints[:, : len(joints)]
    hands = [(true[joints], palm_size(true)) for true in (_plane(h["landmarks"]) for h in truth)]
    error = np.full((len(hands), len(keypoints)), np.inf)
    for i, (true, palm) in enumerate(hands):
        if palm > 0 and len(keypoints):
            distance = np.linalg.norm(keypoints.astype(np.float64) - true, axis=2)
            error[i] = distance.mean(axis=1) / palm
    near = error <= FOUND_WITHIN  # False where a number is not finite
    chosen = linear_sum_assignment(np.where(near, FOUND_WITHIN - error + 1, 0), maximize=True)
    pairs = [(i, j) for i, j in zip(*chosen, strict=True) if near[i, j]]
    values = _counted(len(truth), len(pairs), len(keypoints) - len(pairs))
    values["joint_error"] = float(sum(error[pair] for pair in pairs))
    values["joints_of"] = float(len(pairs))
    return values


def truth_scalars(errors: Errors, what: str) -> Scalars:
    """One picture's contribution to the rows of `what` (`palms`, `hands`); a share of nothing
    contributes nothing.
    """
    false = errors["found"] + errors["false"]
    shares = {
        RECALL: (errors["found"], errors["hands"], SHARE),
        PRECISION: (errors["found"], false, SHARE),
        JOINT_ERROR: (errors["joint_error"], errors["joints_of"], MEAN),
        HANDEDNESS: (errors["handedness_right"], errors["handedness_told"], SHARE),
    }
    return {
        (what, metric): Scalar(value / of, how, "palm sizes" if how == MEAN else "", of)
        for metric, (value, of, how) in shares.items()
        if of
    }


def _counted(hands: int, found: int, false: int) -> dict[str, float]:
    return {
        "hands": float(hands),
        "found": float(found),
        "false": float(false),
        "joint_error": 0.0,
        "joints_of": 0.0,
        "handedness_told": 0.0,
        "handedness_right": 0.0,
    }


def _plane(landmarks: Any) -> NDArray[np.float64]:
    """(21, 2) of the landmarks, in pixels."""
    return np.asarray(landmarks, dtype=np.float64)[:, :2]
