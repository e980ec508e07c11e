"""`make test-processors`: the tests marked `processor`, as other processors would run them.

    python tests/processors.py [pytest's arguments]

Libraries choose their kernels by the processor; environment variables make them choose those of
an older one. One process of pytest tests each setting, as many at a time as there are processors
(JOBS in the environment: another number). Prints one line a setting; exit code 1 where a run
failed. A setting that changes nothing on this processor is said, and not run.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDE = ("X86_V4", "AVX512_ICL", "AVX512_SPR")  # NumPy's names; its lowest is X86_V2
FUSED = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4"  # glibc has its functions with and without
NUMPY = "import numpy; print(*numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', ()))"
OPENCV = "import cv2; print(cv2.getCPUFeaturesLine())"
TESTS, MARK = ROOT / "tests", "pytest.mark.processor"
SHOWN = 40  # lines of a run that failed


@dataclass(frozen=True)
class Setting:
    """`same`: why nothing changes here, if so; `variables`: of the environment."""

    label: str
    variables: dict[str, str]
    same: str = ""


def settings() -> Iterator[Setting]:
    yield Setting("default", {}, "`make test` runs these tests, too")
    yield numpy_without(WIDE)
    yield numpy_without((*WIDE, "X86_V3"))
    variables = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    variables["MKL_ENABLE_INSTRUCTIONS"] = "SSE4_2"
    yield Setting("ATen default, oneDNN and MKL SSE4", variables)
    core = asked("import numpy", {"OPENBLAS_VERBOSE": "2"}).strip().rpartition(" ")[2]
    for name in ("Haswell", "Nehalem"):
        same = f"{name} is what OpenBLAS chooses here" if name == core else ""
        yield Setting(f"OpenBLAS {name}", {"OPENBLAS_CORETYPE": name}, same)
    yield opencv()
    yield Setting(
        "C library without fused products",
        {"GLIBC_TUNABLES": FUSED},
        "" if sys.platform == "linux" else "only Linux's C library has this switch",
    )


def numpy_without(names: tuple[str, ...]) -> Setting:
    """NumPy warns of a name that this processor lacks, and raises where it is the lowest's."""
    here = [name for name in names if name in asked(NUMPY).split()]
    same = "" if here else "this processor has none of it"
    variables = {"NPY_DISABLE_CPU_FEATURES": " ".join(here)}
    return Setting(f"NumPy without {' '.join(names)}", variables, same)


def opencv() -> Setting:
    """`*` marks kinds that OpenCV chooses from, `?` those that this processor lacks."""
    kinds = [word[1:] for word in asked(OPENCV).split() if word[0] == "*" and word[-1] != "?"]
    same = "" if kinds else "this processor has none of it"
    variables = {"OPENCV_CPU_DISABLE": ",".join(kinds), "OPENCV_IPP": "disabled"}
    variables["JSIMD_FORCENONE"] = "1"  # libjpeg-turbo
    return Setting(f"OpenCV without {' '.join(kinds)}, IPP; JPEG in C", variables, same)


def asked(code: str, variables: dict[str, str] | None = None) -> str:
    """What a fresh interpreter prints."""
    environment = {**os.environ, **(variables or {})}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout + run.stderr


def tested(setting: Setting, arguments: list[str]) -> tuple[bool, str]:
    """One run of the marked tests: whether it passed, and what to print of it."""
    if setting.same:
        return True, f"{setting.label}: not run, {setting.same}"
    marked = [str(path) for path in TESTS.rglob("test_*.py") if MARK in path.read_text("utf-8")]
    command = [sys.executable, "-m", "pytest", "-m", "processor", "-q", *arguments, *marked]
    start = time.monotonic()
    environment = {**os.environ, **setting.variables}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = (run.stdout + run.stderr).rstrip().splitlines() or ["pytest printed nothing"]
    verdict = "FAILED" if run.returncode else "passed"
    text = f"{setting.label}: {verdict}, {time.monotonic() - start:.0f} s; {lines[-1]}"
    if run.returncode:
        variables = "".join(f"{name}='{value}' " for name, value in setting.variables.items())
        text = "\n".join([*lines[-SHOWN:], variables, text])
    return run.returncode == 0, text


def main(arguments: list[str]) -> int:
    jobs = os.environ.get("JOBS", "auto")
    with ThreadPoolExecutor(int(jobs) if jobs.isdecimal() else os.cpu_count()) as pool:
        results = []
        for passed, text in pool.map(lambda setting: tested(setting, arguments), settings()):
            print(text, flush=True)
            results.append(passed)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
