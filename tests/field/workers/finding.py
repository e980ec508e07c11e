"""What every worker with a whole pipeline does: finds the hands of one picture, and says how long
it took. {} → {"seconds": …}, {"hands": true} → {"hands": [[[x, y], …], …]} in pixels.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from serving import own_stdout


def serve(open_pipeline: Callable[[], Callable[[np.ndarray], list[Any]]]) -> None:
    """`open_pipeline` gives a function: (H, W, 3) uint8 → each hand's (21, 2), 0..1."""
    answers = own_stdout()
    image = np.load(sys.argv[1])
    find = open_pipeline()
    find(image)
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        found = find(image)
        seconds = time.perf_counter() - start
        if json.loads(line).get("hands"):
            size = image.shape[1], image.shape[0]
            hands = sorted((np.array(hand, float) * size).tolist() for hand in found)
            print(json.dumps({"hands": hands}), file=answers, flush=True)
        else:
            print(json.dumps({"seconds": seconds}), file=answers, flush=True)
