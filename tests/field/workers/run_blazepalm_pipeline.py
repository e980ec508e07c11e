"""blazepalm's pipeline over LiteRT, palm-full and hand-full: IMAGE.npy RULE. See `finding`."""

import sys

from finding import serve

from blazepalm.models.hand_pipeline import HandPipeline
from blazepalm.reports.hands.open_models import open_hand_models


def open_pipeline():
    find = HandPipeline(open_hand_models("palm-full", "hand-full", "tflite", rule=sys.argv[2]))
    return lambda image: [hand.landmarks[:, :2] for hand in find(image)]


serve(open_pipeline)
