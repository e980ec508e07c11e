"""An empty torchvision: onnx2torch imports it for two operators (NonMaxSuppression, RoiAlign) that
no hand model has, and its builds on the package index do not load beside torch without CUDA.
"""

import sys
from types import ModuleType

ops = ModuleType("torchvision.ops")
ops.roi_align = None
whole = ModuleType("torchvision")
whole.ops = ops
sys.modules |= {"torchvision": whole, "torchvision.ops": ops}
