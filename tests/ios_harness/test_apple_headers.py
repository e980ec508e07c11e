"""All Swift, the app's views too, is compiled in Swift 6 mode against modules that declare what
Apple's documentation declares, and nothing of ours (ios_harness/Shims/Headers): what compiles only
with the stand-ins of Linux, or only in Swift 5 mode, would fail on a Mac."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "ios_harness"
HEADERS = HARNESS / "Shims" / "Headers"
STAND_INS = [HARNESS / "Shims" / "CoreML", HARNESS / "Shims" / "AppleTestShim"]
APPLE = [
    *("Darwin", "CoreGraphics", "ImageIO", "CoreVideo", "CoreML", "Vision", "AppleTestShim"),
    *("Combine", "UIKit", "AVFoundation", "SwiftUI", "Charts"),  # of the app alone
]
OURS = ["PalmCore", "PalmDevice", "PalmKit", "PalmHarness", "PalmScreens"]
TESTS = ["Tests/PalmScreensTests", "Tests/PalmKitTests", "App/HarnessTests"]
SIL = ["-emit-sil", "-o", "/dev/null"]  # data races are found after the types
LINK = re.compile(r"https://developer\.apple\.com/documentation/[\w/().:_-]+")

swift = pytest.mark.skipif(shutil.which("swiftc") is None, reason="no swiftc on the PATH")


def compiled(modules: Path, *arguments: object) -> str:
    """The errors of a compilation; none if it is empty."""
    command = ["swiftc", "-I", modules, "-module-cache-path", modules / "cache", *arguments]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, check=False
    )
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apple's modules as declared, and ours compiled against them."""
    folder = tmp_path_factory.mktemp("modules")
    for name in APPLE:  # enumerations can grow, as in Apple's own modules
        found = compiled(
            folder,
            *("-swift-version", "5", "-enable-library-evolution", "-parse-as-library"),
            *("-emit-module", "-module-name", name, "-o", folder / f"{name}.swiftmodule"),
            HEADERS / f"{name}.swift",
        )
        assert found == ""
    for name in OURS:
        found = compiled(
            folder,
            *("-swift-version", "6", "-wmo", "-parse-as-library", "-enable-testing"),
            *("-module-name", name, "-emit-module-path", folder / f"{name}.swiftmodule", *SIL),
            *sorted((HARNESS / "Sources" / name).glob("*.swift")),
        )
        assert found == ""
    return folder


@swift
@pytest.mark.parametrize("folder", TESTS)
def test_tests_use_nothing_but_apples_own(modules: Path, folder: str) -> None:
    files = sorted((HARNESS / folder).glob("*.swift"))
    assert files
    arguments = ["-swift-version", "6", "-wmo", "-parse-as-library", "-module-name", "Tests"]
    assert compiled(modules, *arguments, *SIL, *files) == ""


@swift
def test_the_app_compiles(modules: Path) -> None:
    files = sorted((HARNESS / "App" / "HarnessHost").rglob("*.swift"))
    assert len(files) > 10
    arguments = ["-swift-version", "6", "-wmo", "-parse-as-library", "-module-name", "HarnessHost"]
    assert compiled(modules, *arguments, *SIL, *files) == ""


@swift
def test_the_readmes_example_for_vision_compiles(modules: Path, tmp_path: Path) -> None:
    """The class of the model is the one that Xcode generates, the picture the app's."""
    text = (HARNESS / "README.md").read_text()
    (example,) = re.findall(r"```swift\n(import Vision\n.*?)```", text, re.DOTALL)
    own = (
        "final class PalmFull_2023_09_Vision {\n  let model: MLModel\n"
        "  init(configuration: MLModelConfiguration) throws { fatalError() }\n}\n"
        "func find(in pixelBuffer: CVPixelBuffer) throws {\n"
    )
    file = tmp_path / "example.swift"
    file.write_text(example.replace("import Vision\n", f"import Vision\n{own}") + "}\n")
    arguments = ["-swift-version", "6", "-parse-as-library", *SIL, file]
    assert compiled(modules, *arguments) == ""
    file.write_text(file.read_text().replace("palm.confidence", "palm.score"))
    assert "has no member 'score'" in compiled(modules, *arguments)


@swift
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("let fault = ReplayFault.none", "cannot find 'ReplayFault' in scope"),
        ("let device = MLCPUComputeDevice.shared", "has no member 'shared'"),
        (
            "func f(_ m: MLModel) async { await g(m) }\n"
            "@MainActor func h(_ m: MLModel) async { await f(m) }\nfunc g(_ m: MLModel) async {}",
            "risks causing data races",
        ),
        (
            "import AVFoundation\nfunc f(_ s: AVCaptureSession, _ q: DispatchQueue) "
            "{ q.async { s.stopRunning() } }",
            "non-Sendable type 'AVCaptureSession' in a '@Sendable' closure",
        ),
        (
            "import SwiftUI\nfinal class M: ObservableObject { @MainActor var n = 0 }\n"
            'func f(_ m: M) -> some View { Text("a").task { m.n = 1 } }',
            "main actor-isolated property 'n' can not be mutated",
        ),
        ("func f(_ t: MLFeatureType) -> Int { switch t { case .image: 1 } }", "must be exhaustive"),
    ],
)
def test_what_apple_does_not_have_is_found(
    modules: Path, line: str, error: str, tmp_path: Path
) -> None:
    file = tmp_path / "leak.swift"
    file.write_text(f"import CoreML\n{line}\n")
    found = compiled(modules, "-swift-version", "6", "-parse-as-library", *SIL, file)
    assert error in found


def public(text: str) -> list[tuple[str, str]]:
    """Each public declaration, and the comment line above it."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        if not re.match(r"\s*(@\w+ )?(public|open) ", line):
            continue
        above = number - 1
        while lines[above].strip().startswith("@"):
            above -= 1
        block = []
        while lines[above].strip().startswith("///"):
            block.append(lines[above])
            above -= 1
        found.append((line.strip(), "\n".join(block)))
    return found


@pytest.mark.parametrize("name", APPLE)
def test_every_declaration_names_its_documentation(name: str) -> None:
    declarations = public((HEADERS / f"{name}.swift").read_text())
    assert declarations
    assert [line for line, comment in declarations if not LINK.search(comment)] == []


def test_the_stand_ins_of_linux_export_no_more_than_apple() -> None:
    apple = {link for path in HEADERS.glob("*.swift") for link in LINK.findall(path.read_text())}
    equality = re.compile(r"public (static func ==|func hash\()")  # Hashable's, of the devices
    leaks = [
        f"{path.name}: {line}"
        for folder in STAND_INS
        for path in sorted(folder.glob("*.swift"))
        for line, comment in public(path.read_text())
        if not equality.match(line) and not set(LINK.findall(comment)) & apple
    ]
    assert leaks == []


@swift
@pytest.mark.skipif(shutil.which("docc") is None, reason="no docc on the PATH")
@pytest.mark.parametrize("name", ["PalmCore", "PalmKit"])
def test_the_catalogue_documents_what_there_is(modules: Path, name: str, tmp_path: Path) -> None:
    """Every link in catalogues and comments leads to a symbol: a warning is an error."""
    catalogue = HARNESS / "Sources" / name / f"{name}.docc"
    extract = ["swift", "symbolgraph-extract", "-module-name", name, "-I", str(modules)]
    target = subprocess.run(["swiftc", "-print-target-info"], capture_output=True, text=True)
    triple = json.loads(target.stdout)["target"]["triple"]
    extract += ["-output-dir", str(tmp_path), "-target", triple]
    subprocess.run(extract, check=True, capture_output=True, timeout=120)
    convert = ["docc", "convert", str(catalogue), "--warnings-as-errors"]
    convert += ["--additional-symbol-graph-dir", str(tmp_path)]
    convert += ["--output-path", str(tmp_path / "archive"), "--fallback-display-name", name]
    done = subprocess.run(convert, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "archive" / "data" / "documentation" / f"{name.lower()}.json").is_file()
