"""The names of the backends in reports; the registry describes each."""

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
INTEGER, TFLITE_INTEGER = "integer", "tflite-integer"  # of a file that computes in integers
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
DEVICE = "device:"  # prefix of a backend that ran on a phone

PIPELINE = (TORCH, TFLITE, "coreml")  # the choices of `detect`; coreml: blazepalm's own executor
