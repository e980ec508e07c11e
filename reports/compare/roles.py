"""The backends by name: what each is, in words, and what judges it."""

from dataclasses import dataclass

from blazepalm.reports.compare.rows import BY_FLOOR, BY_TASK, NOT_JUDGED

ORACLE, TFLITE, TFLITE_REF, GENERIC, TORCH = "oracle", "tflite", "tflite-ref", "generic", "torch"
TENSORFLOW = "tensorflow"
MIL, MIL_FP16, MIL_APP = "coreml-mil", "coreml-mil-fp16", "coreml-mil-app"
NATIVE, DEVICE = "coreml-", "device:"  # what the names of such backends begin with
REFERENCE = "reference"


@dataclass(frozen=True)
class Role:
    """What a backend is, in words, and what judges it."""

    label: str
    precision: str
    judge: str

    @property
    def judged(self) -> bool:
        """Whether it is what is compared, not what something is compared with."""
        return self.judge in (BY_FLOOR, BY_TASK)


ROLES = {
    ORACLE: Role("the generic torch lowering in float64", "float64", REFERENCE),
    TFLITE: Role("LiteRT, default kernels (XNNPACK)", "float32", REFERENCE),
    TFLITE_REF: Role("LiteRT, reference kernels", "float32", REFERENCE),
    TENSORFLOW: Role("TensorFlow's own tf.lite.Interpreter", "float32", BY_FLOOR),
    GENERIC: Role("the generic torch lowering", "float32", NOT_JUDGED),
    TORCH: Role("the readable torch module", "float32", BY_FLOOR),
    MIL: Role("Core ML package, raw face, executed by blazepalm", "float32", BY_FLOOR),
    MIL_FP16: Role("Core ML package, raw face, executed by blazepalm", "float16", BY_TASK),
    MIL_APP: Role("Core ML package as shipped, executed by blazepalm", "float16", BY_TASK),
}


def role_of(backend: str) -> Role:
    """The role of a backend: one of `ROLES`, Core ML itself, or a device."""
    if backend in ROLES:
        return ROLES[backend]
    if backend.startswith(DEVICE):
        _, name, units = backend.rsplit(":", 2)
        return Role(f"recorded on {name}, compute units {units}", "float16", BY_TASK)
    units = backend.removeprefix(NATIVE)
    return Role(f"Core ML package, raw face, in Core ML itself, {units}", "float16", BY_TASK)
