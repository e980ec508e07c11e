"""What every worker does once its network is open: answers a batch, and says how long it took.

    python run_TOOL.py FOLDER IMAGES.npy THREADS

FOLDER holds what the tool made; IMAGES (N, H, W, 3) float32 in the release's range. Requests and
answers are lines of JSON: {"batch": 32} → {"seconds": …}, {"outputs": "FILE.npz", "count": 3} →
{}. Needs NumPy alone, for it runs in every environment.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LARGEST = 1e-3  # of an output's peak: what a batch may change by another order of summation


class Network(NamedTuple):
    """`run`: images → the outputs, first axis N. `channels_first`: it takes (N, 3, H, W)."""

    run: Callable[[np.ndarray], Sequence[Any]]
    channels_first: bool = False


def serve(open_network: Callable[[Path, int], Network]) -> None:
    answers = own_stdout()
    folder, images, threads = Path(sys.argv[1]), np.load(sys.argv[2]), int(sys.argv[3])
    network = open_network(folder, threads)
    if network.channels_first:
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    # on one thread the processor's time, which other load on the machine does not lengthen
    clock = time.process_time if threads == 1 else time.perf_counter
    batched = takes_batches(network, images[:3])

    def compute(given: np.ndarray) -> list[np.ndarray]:
        if batched or len(given) == 1:
            return flat(network.run(given), len(given))
        each = [flat(network.run(given[i : i + 1]), 1) for i in range(len(given))]
        return [np.concatenate(values) for values in zip(*each, strict=True)]

    print(json.dumps({"batched": batched}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "outputs" in request:
            np.savez(request["outputs"], *compute(images[: request["count"]]))
            print("{}", file=answers, flush=True)
            continue
        given = np.ascontiguousarray(images[: request["batch"]])
        if request["batch"] == 1:
            compute(given)  # the first finds the caches and threads of whoever ran before
        start = clock()
        compute(given)
        print(json.dumps({"seconds": clock() - start}), file=answers, flush=True)


def own_stdout() -> Any:
    """The standard output for answers; whatever else is printed goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def takes_batches(network: Network, images: np.ndarray) -> bool:
    """Whether several images at once give what each gives alone: the files are made for one."""
    try:
        together = flat(network.run(images), len(images))
    except Exception:  # whatever a runtime raises about a shape
        return False
    for number in range(len(images)):
        alone = flat(network.run(images[number : number + 1]), 1)
        for one, many in zip(alone, together, strict=True):
            peak = np.abs(one).max(initial=1e-6)
            if (
                one.shape[1] != many.shape[1]
                or np.abs(one[0] - many[number]).max() > LARGEST * peak
            ):
                return False
    return True


def flat(outputs: Sequence[Any], count: int) -> list[np.ndarray]:
    """Each output (N, values)."""
    return [np.array(values, np.float32).reshape(count, -1) for values in outputs]
