"""C++ of this folder → a library for this processor, made once by the machine's C++ compiler.

It is kept in the user's cache folder (`program_cache`) by what decides its bytes: our sources, the
compiler's version, the flags, and the processor, for whose instructions it is made.
"""

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from blazepalm.cache_file import code_sha256, key_of
from blazepalm.converter import program_cache
from blazepalm.errors import CouldNotVerify, first_line
from blazepalm.processor import kernels
from blazepalm.reports.forms.compiled.steps import Sizes, Step
from blazepalm.text import printable

FOLDER = Path(__file__).parent
NAMES = ("c++", "g++", "clang++")
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-pthread")
SECONDS = 120.0  # it takes some five
ARM = ("arm64", "aarch64")


@dataclass(frozen=True)
class Source:
    """A library's C++ file, the headers beside it, what it exports, and options of its own."""

    file: str
    headers: tuple[str, ...]
    functions: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All that it is made of, relative to the package."""
        return tuple(f"reports/forms/compiled/{name}" for name in (self.file, *self.headers))


KERNELS = Source(
    "kernels.cpp",
    ("steps.h", "maps.h", "product.h", "depthwise.h", "threads.h"),
    ("sizes", "run", "new_team", "free_team"),
)
SOURCES = KERNELS.files


@dataclass(frozen=True)
class Library:
    """The kernels' functions, and their sizes."""

    run: Any
    new_team: Any
    free_team: Any
    sizes: Sizes


@dataclass(frozen=True)
class Compiler:
    """A command with its options, as in CXX="ccache g++", and what it says of its version."""

    command: tuple[str, ...]
    version: str


def find_compiler() -> Compiler:
    """The compiler that the environment names in CXX, else the first on the path.

    Raises CouldNotVerify where there is none, or it does not run.
    """
    if os.name == "nt":
        raise CouldNotVerify("the compiled form is for Linux and macOS only")
    named = os.environ.get("CXX", "").strip()
    choices = [_words(named)] if named else [[name] for name in NAMES]
    for program, *options in choices:
        if found := shutil.which(program):
            words = (found, *options)
            return Compiler(words, _version(words))
    where = f"CXX names {named!r}, which is not there" if named else "no C++ compiler is here"
    raise CouldNotVerify(f"{where}; install one ({', '.join(NAMES)}), or name one in CXX")


def _words(named: str) -> list[str]:
    try:
        return shlex.split(named)
    except ValueError as error:
        raise CouldNotVerify(f"CXX cannot be read as a command: {error}") from error


def compiler_version() -> str:
    """What the compiler says of its version, empty without one."""
    try:
        return find_compiler().version
    except CouldNotVerify:
        return ""


@cache
def _version(command: tuple[str, ...]) -> str:
    return _output([*command, "--version"])


def library() -> Library:
    """The library, from the cache if it is there. Raises CouldNotVerify as `find_compiler`, and if
    it cannot be compiled or loaded.
    """
    return _library(find_compiler())


@cache
def _library(compiler: Compiler) -> Library:
    found = kept_library(compiler, KERNELS)
    sizes = (ctypes.c_int64 * 4)()
    found.sizes(sizes)
    lanes, scratch, tile, step = sizes
    assert step == ctypes.sizeof(Step)
    number, address = ctypes.c_int64, ctypes.c_void_p
    found.new_team.argtypes, found.new_team.restype = [number], address
    found.free_team.argtypes, found.free_team.restype = [address], None
    found.run.argtypes = [
        *(address, number, address, number),  # team, threads, steps
        *(address, address, address, address),  # weights, arena, scratch, image
    ]
    found.run.restype = None
    return Library(found.run, found.new_team, found.free_team, Sizes(lanes, scratch, tile))


def kept_library(compiler: Compiler, source: Source) -> ctypes.CDLL:
    """A source's library, loaded; compiled if it is not in the cache. Raises CouldNotVerify."""
    key = library_key(compiler, kernels(), source)
    return loaded(
        program_cache.kept_program("compiled", key, lambda: compiled(compiler, source)), source
    )


def library_key(compiler: Compiler, machine: Mapping[str, Any], source: Source = KERNELS) -> str:
    """The key of a source's library by a compiler on a machine."""
    said = [*compiler.command[1:], compiler.version]
    found = {"compiler": said, "flags": [*flags(), *source.options], "machine": machine}
    return key_of({**found, "sources": code_sha256(*source.files)})[:32]


def flags() -> list[str]:
    """All instructions of this processor may be used."""
    native = "-mcpu=native" if platform.machine() in ARM else "-march=native"
    return [*FLAGS, native]


def compiled(compiler: Compiler, source: Source) -> bytes:
    """The library's bytes, compiled anew. Raises CouldNotVerify."""
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        library = Path(made) / "kernels.so"
        options = (*flags(), *source.options)
        _output([*compiler.command, *options, str(FOLDER / source.file), "-o", str(library)])
        if not library.is_file():
            raise CouldNotVerify(
                f"the C++ compiler {Path(compiler.command[0]).name} wrote no library"
            )
        content = library.read_bytes()
    loaded(content, source)  # what cannot be loaded is not kept
    return content


def _output(command: list[str]) -> str:
    """What a compiler writes. Raises CouldNotVerify if it fails."""
    name = Path(command[0]).name
    english = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env=english,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotVerify(
            f"the C++ compiler {name} does not run: {first_line(error)}"
        ) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        said = lines or done.stderr.splitlines() or [f"exit code {done.returncode}"]
        raise CouldNotVerify(f"the C++ compiler {name} failed: {printable(said[0].strip())[:300]}")
    return done.stdout


def loaded(content: bytes, source: Source) -> ctypes.CDLL:
    """Loads a library's bytes. Raises CouldNotVerify."""
    with tempfile.TemporaryDirectory(prefix="blazepalm-") as made:
        path = Path(made) / "kernels.so"
        path.write_bytes(content)
        try:
            found = ctypes.CDLL(str(path))
            for name in source.functions:
                getattr(found, name)
        except (OSError, AttributeError) as error:
            raise CouldNotVerify(f"the kernels cannot be loaded: {first_line(error)}") from error
    return found
