"""python convert_tflite2onnx.py MODEL.tflite OUT.onnx"""

import sys

import tflite2onnx

tflite2onnx.convert(sys.argv[1], sys.argv[2])
