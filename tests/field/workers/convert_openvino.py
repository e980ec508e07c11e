"""python convert_openvino.py MODEL.tflite OUT.xml"""

import sys

import openvino

openvino.save_model(openvino.convert_model(sys.argv[1]), sys.argv[2], compress_to_fp16=False)
