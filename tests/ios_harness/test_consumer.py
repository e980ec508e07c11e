"""A package of its own that depends on this one by a `file://` URL and a version, as an app does by
its address: it builds against PalmKit, with the README's snippet, and runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "ios_harness" / "README.md"
VERSION = "9.8.7"
MANIFEST = """// swift-tools-version:6.0
import PackageDescription

let package = Package(
  name: "Consumer",
  platforms: [.iOS(.v16), .macOS(.v13)],
  dependencies: [.package(url: "file://{repository}", from: "{version}")],
  targets: [
    .executableTarget(
      name: "Consumer",
      dependencies: [.product(name: "PalmKit", package: "blazepalm")],
      path: "Sources"
    )
  ]
)
"""
# what the snippet leaves to the app, and a call that needs no model
MAIN = """import CoreML
{imports}

func find(in pixelBuffer: CVPixelBuffer) async throws -> [Hand] {{
{body}
  return hands
}}

do {{
  _ = try await HandTracker.load(palm: "None", landmarks: "None")
}} catch {{
  print(error)
}}
"""


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


def snippet() -> tuple[str, str]:
    """The imports and the body of the README's first piece of Swift."""
    found = re.search(r"```swift\n(.*?)```", README.read_text(), re.DOTALL)
    assert found
    lines = found[1].splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    assert imports == ["import PalmKit"]
    return "\n".join(imports), "\n".join(f"  {x}" for x in lines if x and x not in imports)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is here, committed and with a version."""
    folder = tmp_path_factory.mktemp("published") / "blazepalm"
    folder.mkdir()
    shutil.copy(ROOT / "Package.swift", folder)
    for part in ("Sources", "Shims", "Tests", "App/HarnessTests"):
        shutil.copytree(ROOT / "ios_harness" / part, folder / "ios_harness" / part)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")
    git(folder, "tag", VERSION)
    return folder


@pytest.mark.skipif(shutil.which("swift") is None, reason="no swift on the PATH")
def test_a_package_that_depends_on_this_one_builds_and_runs(
    published: Path, tmp_path: Path
) -> None:
    imports, body = snippet()
    (tmp_path / "Sources").mkdir()
    (tmp_path / "Sources" / "main.swift").write_text(MAIN.format(imports=imports, body=body))
    (tmp_path / "Package.swift").write_text(MANIFEST.format(repository=published, version=VERSION))
    done = subprocess.run(
        [
            *("swift", "run", "--package-path", str(tmp_path), "--cache-path", str(tmp_path / "c")),
            *("--security-path", str(tmp_path / "s"), "Consumer"),
        ],
        env={**os.environ, "COREML_SHIM": "1"},  # ignored on a Mac
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has no model None: add None.mlpackage to the target" in done.stdout
    assert VERSION in (tmp_path / "Package.resolved").read_text()
