"""The library is compiled once for a machine; where it cannot be, one sentence says why."""

from pathlib import Path
from typing import Any

import pytest
import torch

import blazepalm
from blazepalm.converter import program_cache
from blazepalm.errors import CouldNotVerify
from blazepalm.models.hand_landmarks import HandLandmarks
from blazepalm.processor import kernels
from blazepalm.reports.forms import fast as choosing
from blazepalm.reports.forms import make as forms
from blazepalm.reports.forms.compiled import build
from blazepalm.reports.forms.measure import Form
from support.records import hand_spec


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is known of another test's compiler."""
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    build._library.cache_clear()
    build._version.cache_clear()


def compiler(folder: Path, script: str, version: str = "cc 1.0") -> Path:
    """A compiler that counts its calls in the file `calls`, then does as the script says."""
    path = folder / "c++"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in --version) echo "{version}"; exit;; esac\n'
        f'echo x >> "{folder}/calls"\nfor out; do :; done\n{script}\n'
    )
    path.chmod(0o755)
    return path


def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        real = build.find_compiler()
    except CouldNotVerify as error:
        pytest.skip(str(error))
    monkeypatch.setattr(build, "FLAGS", tuple(f.replace("-O3", "-O0") for f in build.FLAGS))
    made = tmp_path / "made.so"
    made.write_bytes(build.compiled(real, build.KERNELS))
    monkeypatch.setenv("CXX", str(compiler(tmp_path, f'cp "{made}" "$out"')))
    for _ in range(3):
        assert build.library().sizes.lanes in (8, 16)
        build._library.cache_clear()  # as another process
    assert (tmp_path / "calls").read_text() == "x\n"


def test_what_decides_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    machine: dict[str, Any] = dict(kernels())
    keys = {
        build.library_key(build.Compiler(("c++",), "1"), machine),
        build.library_key(build.Compiler(("c++",), "2"), machine),
        build.library_key(build.Compiler(("c++",), "1"), {**machine, "processor": ["flags: sse"]}),
    }
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-g"))
    keys.add(build.library_key(build.Compiler(("c++",), "1"), machine))
    assert len(keys) == 4
    assert build.library_key(build.Compiler(("g++",), "1"), machine) in keys, "only by its version"


FAILURES = {
    "echo 'k.cpp:1: warning: odd' >&2; echo 'k.cpp:2: fatal error: no \033[1mdisk' >&2; exit 1": (
        r"the C\+\+ compiler c\+\+ failed: k.cpp:2: fatal error: no \\x1b\[1mdisk"
    ),
    "exit 3": r"the C\+\+ compiler c\+\+ failed: exit code 3",
    "exit 0": r"the C\+\+ compiler c\+\+ wrote no library",
    "echo nothing > $out": "the kernels cannot be loaded: ",
}


@pytest.mark.parametrize("script", FAILURES)
def test_a_compiler_that_fails(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", str(compiler(tmp_path, script)))
    with pytest.raises(CouldNotVerify, match=FAILURES[script]) as caught:
        build.library()
    assert "\n" not in str(caught.value)
    key = build.library_key(build.find_compiler(), kernels())
    assert program_cache.programs_file("compiled").get(key) is None, "nothing is kept"


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fast` leaves the form out, with a sentence, and takes another."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in (forms.FROZEN, forms.EXECUTORCH, forms.OPENVINO):
        monkeypatch.delitem(forms.MAKERS, name)
    monkeypatch.setattr(choosing, "FORMS", tuple(forms.MAKERS))
    monkeypatch.setattr(
        choosing, "measure", lambda module, forwards, batch: [Form(n, 1, 1, 1) for n in forwards]
    )
    said: list[str] = []
    torch.manual_seed(3)
    hand = HandLandmarks(hand_spec()).eval()
    blazepalm.fast(hand, notice=said.append)
    assert said[0] == (
        "compiled: no C++ compiler is here; install one (c++, g++, clang++), or name one in CXX"
    )
    assert said[-1] == "chosen: the plain module"
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(CouldNotVerify, match="CXX names 'icpx', which is not there; install one"):
        blazepalm.fast(hand, "compiled", said.append)


def test_a_compiler_with_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CXX may hold a whole command, as for make."""
    own = compiler(tmp_path, 'echo "$@" >> "$(dirname "$0")/words"; exit 1')
    monkeypatch.setenv("CXX", f"'{own}' -m64")
    with pytest.raises(CouldNotVerify, match="failed"):
        build.library()
    assert (tmp_path / "words").read_text().split()[0] == "-m64"
    monkeypatch.setenv("CXX", "g++ '")
    with pytest.raises(CouldNotVerify, match="CXX cannot be read as a command: No closing"):
        build.library()


def test_a_compiler_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c++"
    path.write_bytes(b"\x7fELF, but not really")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    with pytest.raises(CouldNotVerify, match=r"^the C\+\+ compiler c\+\+ does not run: "):
        build.library()
