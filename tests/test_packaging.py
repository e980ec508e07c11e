"""The installed package: `blazepalm` and nothing else, with its data, from a wheel built here."""

import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from blazepalm.errors import PARTS as PARTS_OF
from support.models import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PARTS = ("converter", "golden", "models", "reports")
SOURCES = {
    f"blazepalm/{path.relative_to(base).as_posix()}"
    for base, folders in (
        (ROOT, [ROOT / part for part in PARTS]),
        (ROOT / "blazepalm", [p for p in (ROOT / "blazepalm").iterdir() if not p.is_symlink()]),
    )
    for folder in folders
    for path in ([folder] if folder.is_file() else folder.rglob("*"))
    if path.suffix == ".py"
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {"blazepalm", "blazepalm-0.1.0.dist-info"}
    assert {name for name in names if name.endswith(".py")} == SOURCES
    data = {n for n in names if n.startswith("blazepalm/") and not n.endswith(".py")}
    assert data >= {
        "blazepalm/py.typed",
        "blazepalm/models/releases.toml",
        "blazepalm/models/weights/LICENSE",
        *(f"blazepalm/models/weights/{p.name}" for p in ROOT.glob("models/weights/*.tflite")),
    }
    assert sum(name.endswith(".tflite") for name in names) == 4


def test_wheel_carries_both_licences(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = "blazepalm-0.1.0.dist-info"
    assert b"MIT License" in archive.read(f"{info}/licenses/LICENSE")
    assert b"Apache License" in archive.read(f"{info}/licenses/models/weights/LICENSE")
    notice = archive.read(f"{info}/licenses/NOTICE").decode()
    for digits in ("1b14e942", "e9a4aadd", "048edd36", "11c272b8"):
        assert digits in notice
    assert b"blazepalm = blazepalm.__main__:main" in archive.read(f"{info}/entry_points.txt")


def test_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The wheel is unpacked into an otherwise empty folder; dependencies come from this Python."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import sys, blazepalm\n"
        "assert blazepalm.__file__.startswith(sys.argv[1]), blazepalm.__file__\n"
        "assert blazepalm.anchors('palm-full').shape == (2016, 4)\n"
        "import importlib.util as u\n"
        "print([n for n in ('converter', 'golden', 'reports', 'tests') if u.find_spec(n)])\n"
        "from blazepalm.cli.app import main; sys.exit(main(['inspect', 'palm-full', '--json']))"
    )
    dependencies = sysconfig.get_paths()["purelib"]
    start = f"import sys; sys.path[:0] = [{str(site)!r}, {dependencies!r}]\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code, str(site)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[]\n")
    assert '"release": "palm-full-2023-09"' in done.stdout


@pytest.mark.parametrize("part", PARTS)
def test_bare_names_are_refused(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {part}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"ImportError: import this package as blazepalm.{part}, not as {part}" in done.stderr


@pytest.mark.parametrize("part", PARTS)
def test_links_lead_to_the_parts(part: str) -> None:
    link = ROOT / "blazepalm" / part
    assert link.is_symlink()
    assert link.readlink() == Path("..") / part


def test_public_names_are_there() -> None:
    import blazepalm

    for name in blazepalm.__all__:
        assert getattr(blazepalm, name) is not None
    assert set(blazepalm.__all__) <= set(dir(blazepalm))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = blazepalm.nonsense


def test_the_extras_are_in_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    (everything,) = (Requirement(line) for line in extras["all"])
    assert everything.extras == {extra for _, extra in PARTS_OF.values()}
    assert "blazepalm[all]" in extras["dev"]
    for module, (_, extra) in PARTS_OF.items():
        wanted = {Requirement(line).name.replace("-", "_") for line in extras[extra]}
        assert module in wanted
    core = {Requirement(line).name.replace("-", "_") for line in project["dependencies"]}
    assert core.isdisjoint(PARTS_OF)


@pytest.mark.parametrize("module", PARTS_OF)
def test_a_missing_part_is_named(module: str) -> None:
    """Whatever the rest: each part absent in turn, from Python and from the command line."""
    uses = {
        "torch": ("blazepalm.HandLandmarks()", "['convert', 'hand-lite', '--no-coreml']"),
        "ai_edge_litert": (
            "blazepalm.hands(picture, backend='tflite')",
            "['parity', 'hand-lite', '--no-golden', '--no-coreml', '--inputs', '2']",
        ),
        "coremltools": ("blazepalm.convert('hand-lite')", "['convert', 'hand-lite']"),
    }
    call, command = uses[module]
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "import blazepalm, numpy\n"
        "from blazepalm.cli.app import main\n"
        "picture = numpy.zeros((8, 8, 3), numpy.uint8)\n"
        f"try: {call}\n"
        "except blazepalm.BlazePalmError as error: print(error)\n"
        f"print(main({command}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    words = f"pip install 'blazepalm[{PARTS_OF[module][1]}]'"
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert words in " ".join((done.stdout + done.stderr).split())
    assert done.stdout.strip().endswith(("2", "3"))
    assert "Traceback" not in done.stderr


def test_tflite_finds_hands_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['coremltools'] = None\n"
        "import blazepalm; print(len(blazepalm.hands('docs/photo.jpg', backend='tflite')))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_every_pin_is_locked_with_hashes() -> None:
    """`locked.txt` has the pins of `constraints.txt`, on the Pythons and systems it is for."""
    text = (ROOT / "locked.txt").read_text(encoding="utf-8")
    entries = [entry.splitlines() for entry in re.split(r"^(?=\w)", text, flags=re.M)[1:]]
    locked = [Requirement(first.removesuffix("\\")) for first, *_ in entries]
    for first, *hashes in entries:
        digests = [re.fullmatch(r" +--hash=sha256:([0-9a-f]{64})( \\)?", line) for line in hashes]
        assert digests and all(digests), first
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]

    def needed(requirements: list[Requirement], here: dict[str, str]) -> set[tuple[str, str]]:
        found = [r for r in requirements if r.marker is None or r.marker.evaluate(here)]
        return {(r.name.lower().replace(".", "-"), str(r.specifier)) for r in found}

    for python in ("3.11.5", "3.12.0", "3.13.0", "3.14.0"):
        for platform in ("linux", "darwin", "win32"):
            here = {
                "python_version": python.rpartition(".")[0],
                "python_full_version": python,
                "sys_platform": platform,
            }
            assert needed(locked, here) == needed(pins, here), "run make lock"


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_dependency_is_pinned_once(python: str, platform: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("#")[0] for line in lines if line and not line.startswith("#")]
    here = {"python_version": python, "sys_platform": platform}

    def needed(lines: list[str]) -> list[Requirement]:
        found = [Requirement(line) for line in lines]
        return [r for r in found if r.marker is None or r.marker.evaluate(here)]

    extras = project["optional-dependencies"]
    used = ["all", "coreai", "coreml", "dev", "executorch", "tflite", "torch"]
    used += ["docs"] if python != "3.10" else []
    optional = [line for extra in used for line in extras[extra]]
    optional = [line for line in optional if not line.startswith("blazepalm[")]
    wanted = needed([*project["dependencies"], *optional])
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in needed(pins)}
    assert len(pinned) == len(needed(pins))
    assert all(pinned[want.name] in want.specifier for want in wanted)
    assert ("coremltools" in pinned) == (platform != "win32")
    assert pinned["torch"] == "2.13.0"
