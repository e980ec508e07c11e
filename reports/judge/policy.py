"""What counts as parity: every constant of the verdict in one table, the reason beside it.

float32 is judged by multiples of the *noise floor*: what float32 arithmetic itself costs on the
same graph and inputs, measured in the same run (`reports.judge.verdict`), not by tolerances
chosen by hand. float16 is judged by the task: boxes, landmarks, presence, handedness.
"""

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

# Inputs beside the golden images: uniform noise reaches every weight and every border. Where
# there are no images at all, INPUTS of them are the claim; with fewer than MIN_INPUTS a
# module that answers with a constant cannot be told from one that works.
NOISE_INPUTS = 2
INPUTS = 50
MIN_INPUTS = 2

# A floor of fewer numbers than this can be low by luck (seen: one in fifty floors of two numbers
# failed an unharmed model): a row that fails by such a floor says so. It fails none the less.
FEW = 16

# LiteRT's reference kernels cost more than all other backends together, and they and torch's
# generic module are judged by nobody: they add witnesses to the floor, and to the bits that
# conversion has proved already. Of the pictures, they get every so many-th. Fewer witnesses can
# only lower the floor, which makes the verdict stricter. `--every-kernel` runs them on all.
REFERENCE_EVERY = 16

# A float16 layer is called a culprit beyond this many half spacings at its peak: it rounds its
# inputs and weights as well, which adds up over a kernel. Seen on the known releases: up to 31, on
# a depthwise layer of hand-2020-11, whose float32 weights float16 rounds; the others up to 11.
FLOAT16_LAYER = 32.0

# The seed of the claim in the README; any other must pass too.
SEED = 0

# Cases worked on at once, at most; each has backends and activations of its own in memory.
MAX_WORKERS = 8

# Peaks beyond it are taken as it: the distance of float32 numbers there is still finite.
FLOAT32_MAX = 2.0**127

# Cases listed one by one in the report, worst first; of the others the sums are kept.
MAX_CASES = 200


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one verdict; `report recheck` may be given others.

    `float32_multiple`: a float32 backend may be this many floors from the oracle, and from
    LiteRT. Two float32 runs that add in another order differ by about one floor (seen: up to 6
    for an output of one number), while a wrong padding, weight or activation costs 10³ and more.
    `floor_multiple`: LiteRT itself may be this many times as far from the oracle as torch in
    float32 is. The floor measures rounding only while oracle and LiteRT mean the same graph;
    were the lowering wrong, the floor would be high and everything would pass under it. Seen:
    up to 8, for an output of one number.
    The others are float16's, in pixels of the model's input and in probabilities. `margin`: a
    decision closer than this to its threshold may fall either way, a tie is not a bug.
    """

    float32_multiple: float = 10.0
    floor_multiple: float = 100.0
    iou: float = 0.99
    landmarks_mean_px: float = 0.15
    landmarks_max_px: float = 0.5
    presence: float = 0.01
    handedness: float = 0.01
    margin: float = 0.02

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


LIMITS = Limits()
