"""Freed memory is taken again without the kernel's help."""

import platform
import subprocess
import sys

import pytest

# prints the page faults of a hundred arrays of 1 MB, each freed before the next is made
FAULTS = """
import resource, numpy
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def make():
    kept = numpy.ones(1 << 17), numpy.ones(1 << 17)
make()
before = faults()
for _ in range(50):
    make()
print(faults() - before)
"""
KEPT = "from blazepalm.freed_memory import keep_freed_memory; keep_freed_memory()\n"


def faults(script: str) -> int:
    command = [sys.executable, "-c", script]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_arrays_come_back_without_page_faults() -> None:
    pages = 100 * (1 << 20) // 4096
    assert faults(FAULTS) > pages // 2, "else there is nothing to keep"
    assert faults(KEPT + FAULTS) < pages // 20
