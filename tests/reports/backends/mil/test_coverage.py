"""The table that needs no torch against the one that runs."""

import subprocess
import sys

from blazepalm.reports.backends.mil.coverage import EXECUTED, FAMILIES
from blazepalm.reports.backends.mil.ops import EXECUTORS


def test_every_operation_stands_by_its_file() -> None:
    names = [name for text in FAMILIES.values() for name in text.split()]
    assert len(names) == len(set(names)) == len(EXECUTED) > 100
    found = {name: function.__module__.rpartition(".")[2] for name, function in EXECUTORS.items()}
    assert {n: family for family, text in FAMILIES.items() for n in text.split()} == found


def test_looking_at_a_package_imports_neither_torch_nor_coremltools() -> None:
    code = (
        "import sys, blazepalm.reports.backends.mil.summary as s; "
        "import blazepalm.reports.backends.mil.schema as p; p.specification(); "
        "assert s.EXECUTED; print({'torch', 'coremltools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
