"""What the operating system says of the processor, and what decides the kernels of the libraries
that compute: their last bits depend on it.
"""

import os
import platform
from contextlib import suppress
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")  # on Linux
FEATURES = ("flags", "Features", "model name", "CPU part")  # on x86 and on ARM
# environment variables that make NumPy, ATen, oneDNN, MKL, OpenBLAS, XNNPACK or glibc choose others
SWITCHES = (
    *("ATEN_", "DNNL_", "GLIBC_TUNABLES", "MKL_", "NPY_", "ONEDNN_", "OPENBLAS_", "OPENCV_"),
    *("TFLITE_", "XNN_"),
)


def processor_name() -> str:
    """The processor as its maker calls it ("Intel(R) Xeon(R) …"), or as Python does."""
    names = (value for name, value in processor_facts() if name == "model name")
    return next(names, platform.processor())


def processor_facts() -> list[tuple[str, str]]:
    """What Linux says of its processors, each fact as name and value; nothing on other systems."""
    with suppress(OSError):
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
        parts = (line.partition(":") for line in text.splitlines())
        return [(name.strip(), value.strip()) for name, _, value in parts]
    return []


def kernels() -> dict[str, list[str]]:
    """All that decides which kernels run here: system, processor, C library, and environment."""
    facts = {f"{name}: {value}" for name, value in processor_facts() if name in FEATURES}
    chosen = (f"{n}={value}" for n, value in os.environ.items() if n.startswith(SWITCHES))
    return {
        "system": [platform.system(), platform.machine(), platform.processor()],
        "processor": sorted(facts),
        "library": list(platform.libc_ver()),
        "environment": sorted(chosen),
    }


def usable_processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
