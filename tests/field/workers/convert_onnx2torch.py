"""python convert_onnx2torch.py MODEL.onnx OUT.pt"""

import sys

import no_torchvision  # noqa: F401, before onnx2torch
import onnx2torch
import torch

torch.save(onnx2torch.convert(sys.argv[1]), sys.argv[2])
