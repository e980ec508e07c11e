"""What the operating system says of the processor."""

import os
import platform
from contextlib import suppress
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")  # on Linux


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


def usable_processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
