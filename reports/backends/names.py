"""The names of the backends in reports; the registry describes each."""

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
INTEGER, TFLITE_INTEGER = "integer", "tflite-integer"  # of a file that computes in integers
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
# the float16 package with other sums of products
MIL_FP16_CORE_AI, MIL_FP16_BOUND = "coreml-mil-fp16-coreai", "coreml-mil-fp16-bound"
EXECUTORCH = "executorch"
# the saved packages in Apple's Core AI runtime
COREAI, COREAI_FP16 = "coreai-mil", "coreai-mil-fp16"
COREAI_MODULE = "coreai"  # the readable module there
COREAI_APP, COREAI_APP_FP32 = "coreai-mil-app", "coreai-mil-app-fp32"
# the network behind a backend of the app face: the first of these that ran
BEHIND = {
    MIL_APP: (MIL_FP16,),
    COREAI_APP: (COREAI_FP16, MIL_FP16),
    COREAI_APP_FP32: (COREAI, MIL),
}
INSTALLED = "installed"  # asks for every other runtime that is installed
DEVICE = "device:"  # prefix of a backend that ran on a phone

FAST = "fast"  # the quickest form of the readable module
# the choices of `detect`; coreml: blazepalm's own executor
PIPELINE = (TORCH, TFLITE, "coreml", FAST)
