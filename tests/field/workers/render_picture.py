"""A rendered hand, (480, 640, 3) uint8, as `bench run pipeline` takes it: OUT.npy"""

import sys

import numpy as np

from blazepalm.golden.camera import View
from blazepalm.golden.poses import POSES
from blazepalm.golden.render import render_hand

np.save(sys.argv[1], render_hand(POSES["open"], View(8, 5, -6), size=(480, 640)).image)
