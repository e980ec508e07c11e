"""The names of the backends in reports; the registry describes each."""

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
INTEGER, TFLITE_INTEGER = "integer", "tflite-integer"  # of a file that computes in integers
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
# the float16 package with other sums of products
MIL_FP16_CORE_AI, MIL_FP16_BOUND = "coreml-mil-fp16-coreai", "coreml-mil-fp16-bound"
COREAI, COREAI_FP16 = "coreai-mil", "coreai-mil-fp16"
DEVICE = "device:"  # prefix of a backend that ran on a phone

PIPELINE = (TORCH, TFLITE, "coreml")  # the choices of `detect`; coreml: blazepalm's own executor
