"""The names of the backends that reports speak of; what each is stands in the registry."""

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
DEVICE = "device:"  # what the name of a backend that ran on a phone begins with

PIPELINE = (TORCH, TFLITE, "coreml")  # what `detect` offers; `coreml` is a package, executed here
