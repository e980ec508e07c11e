"""What a run in float16 is compared with: float16's own limits, as parity applies them.

Each network is judged on what the recorded run gave it: the landmark network searches the regions
of the recorded palms. Lengths are in pixels of each network's input, where float16 rounds. A palm
is a mean of anchors; where one is closer to a threshold than the margin, float16 may average
others than float32 did, so the mean nearest to the recorded palm counts, of those that the tie
allows.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.decode import Palms, intersection_over_union
from blazepalm.models.hand_pipeline import Image, find_hands
from blazepalm.models.regions import region_from_palm
from blazepalm.models.runners import HandModels
from blazepalm.reports.judge import policy
from blazepalm.reports.recording.agreement import SIDE, Values
from blazepalm.reports.recording.recorded_file import KeptHand
from blazepalm.reports.recording.recording import kept_hand
from blazepalm.reports.stages.stages import PalmRules
from blazepalm.reports.stages.ties import Cluster, clusters

FLOAT16_LIMITS: Values = {
    "mean": policy.LIMITS.landmarks_mean_px,
    "most": policy.LIMITS.landmarks_max_px,
    "handedness": policy.LIMITS.handedness,
    "presence": policy.LIMITS.presence,
    "box": round(1.0 - policy.LIMITS.iou, 6),
    "keypoints": policy.LIMITS.landmarks_max_px,
    "score": policy.LIMITS.margin,  # what float16 may move before a decision counts as wrong
}
MAX_TIED = 8  # anchors of one palm; with more, the palm itself hangs on noise


def on_recorded_palm(
    models: HandModels, image: Image, found: KeptHand, known: KeptHand
) -> KeptHand:
    """`found`, its landmarks searched in the region of the recorded palm, its palm the nearest one
    that a tie allows.
    """
    one = Palms(known.box[None].astype(np.float64), known.keypoints[None], known.score[None])
    for hand in find_hands(models, image, one):
        given = kept_hand(hand, "")
        found = replace(given, box=found.box, keypoints=found.keypoints, score=found.score)
    if 1.0 - float(intersection_over_union(found.box, known.box)) > FLOAT16_LIMITS["box"]:
        points = _nearest(models, image, known)
        if points is not None:
            shape = known.keypoints.shape
            found = replace(found, box=points[:4], keypoints=points[4:].reshape(shape))
    return found


def in_input_pixels(
    values: Values, models: HandModels, known: KeptHand, size: tuple[int, int]
) -> Values:
    """Differences whose lengths are in pixels of the networks' inputs, for a picture of `size`
    (height, width).
    """
    region = region_from_palm(
        known.box.astype(np.float64), known.keypoints, size, models.palm_rule, models.functions
    )
    whole = max(models.detector_spec.input_size) / SIDE
    crop = models.landmarks_spec.input_size[1] / (region.width * size[1])
    scale = crop * max(size) / SIDE
    return {
        **values,
        "mean": values["mean"] * scale,
        "most": values["most"] * scale,
        "keypoints": values["keypoints"] * whole,
    }


def _nearest(models: HandModels, image: Image, known: KeptHand) -> NDArray[np.float32] | None:
    """(4 + 2K,) box and keypoints, normalised to the image, of the mean with the largest overlap
    with the recorded palm's box, of all that ties allow; None without ties.
    """
    rules = PalmRules(models.detector_spec, models.anchors, models.palm_rule)
    tensor, place = rules.prepare(image)
    decoded = rules.decode(models.detector(tensor))
    points, scores = decoded.points, decoded.scores
    means: list[NDArray[np.float32]] = []
    for cluster in clusters(decoded, rules.spec, policy.LIMITS.margin):
        for anchors in _choices(cluster, points, rules.spec.suppression_iou):
            weights = scores[anchors, None].astype(np.float64)
            mean = (points[anchors] * weights).sum(axis=0) / weights.sum()
            means.append(place.to_image(mean.astype(np.float32)))
    if not means:
        return None
    overlaps = intersection_over_union(np.stack(means)[:, :4], known.box)
    return means[int(np.argmax(overlaps))]


def _choices(
    cluster: Cluster, points: NDArray[np.floating], threshold: float
) -> Sequence[list[int]]:
    """Every set of anchors that the cluster may average; none if nothing is tied."""
    best, *others = cluster.anchors
    margin = policy.LIMITS.margin
    near = [anchor for anchor, distance in cluster.margins.items() if distance <= margin]
    overlaps = intersection_over_union(points[best, :4], points[near, :4])
    tied = [a for a, o in zip(near, overlaps, strict=True) if a != best and o > threshold - margin]
    if not 0 < len(tied) <= MAX_TIED:
        return ()
    sure = [best, *(anchor for anchor in others if anchor not in tied)]
    subsets = product((False, True), repeat=len(tied))
    return [[*sure, *(a for a, chosen in zip(tied, s, strict=True) if chosen)] for s in subsets]
