"""Swift that needs Apple's frameworks is parsed, and all Swift is formatted, as far as a toolchain
without those frameworks can say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "ios_harness"
HOST = HARNESS / "App" / "HarnessHost"
ROOTS = (HARNESS / "Sources", HARNESS, HARNESS.parent)
FOLDERS = ("App", "Shims", "Sources", "Tests")


def swift(*arguments: str) -> "subprocess.CompletedProcess[str]":
    tool = shutil.which(arguments[0])
    if tool is None:
        pytest.skip(f"no {arguments[0]} on the PATH: Swift sources are not checked")
    return subprocess.run([tool, *arguments[1:]], capture_output=True, text=True, timeout=120)


def sources() -> list[str]:
    found = [str(p) for folder in FOLDERS for p in sorted((HARNESS / folder).rglob("*.swift"))]
    assert len(found) > 60
    return found


def parse(paths: list[str]) -> str:
    done = swift("swiftc", "-frontend", "-parse", "-swift-version", "6", *paths)
    return done.stderr if done.returncode else ""


def test_every_source_parses() -> None:
    assert parse(sources()) == ""


def test_a_source_that_does_not_parse_is_found(tmp_path: Path) -> None:
    whole = (HOST / "RootView.swift").read_text()
    broken = tmp_path / "RootView.swift"
    broken.write_text(whole.rstrip()[:-1])
    assert "expected '}'" in parse([str(broken)])


def test_every_source_is_formatted() -> None:
    folders = [str(HARNESS / folder) for folder in FOLDERS]
    done = swift(
        "swift", "format", "lint", "--strict", "-r", *folders, str(HARNESS.parent / "Package.swift")
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("pattern", [r"\btry\?", r"\btry!", r"\bas!", r"\bfatalError\b", r"\w!\."])
def test_the_app_swallows_no_error_and_forces_nothing(pattern: str) -> None:
    for path in sorted(HOST.rglob("*.swift")):
        assert not re.search(pattern, path.read_text()), path.name


def test_the_camera_works_off_the_main_queue() -> None:
    camera = (HOST / "Camera" / "Camera.swift").read_text()
    assert "alwaysDiscardsLateVideoFrames = true" in camera
    assert "setSampleBufferDelegate(self, queue: frameQueue)" in camera
    assert "sessionQueue.async" in camera
    assert ".main" not in camera


def test_every_text_grows_with_the_size_that_a_person_chose() -> None:
    fixed = r"\.system\(size:|\.custom\(|UIFont\b|fixedSize\(|lineLimit\(1\)|minimumScaleFactor"
    fonts = 0
    for path in sorted(HOST.rglob("*.swift")):
        text = path.read_text()
        assert not re.search(fixed, text), path.name
        fonts += len(
            re.findall(r"\.font\(\.(?:largeTitle|title2?|headline|body|callout|foot)", text)
        )
    assert fonts > 8


def test_what_is_drawn_is_told_to_voice_over() -> None:
    expected = {
        "Camera/CameraScreen.swift": ["CameraPreview(", '.accessibilityLabel("Front camera'],
        "Camera/HandOverlay.swift": ["Canvas {", ".accessibilityValue(spoken(report.hands))"],
        "Camera/StagePanel.swift": ["HStack {", '.accessibilityLabel("Speed")'],
        "Benchmark/BenchmarkChart.swift": ["BarMark(", ".accessibilityValue(bar.spoken)"],
        "MessageView.swift": ["Image(systemName: symbol)", ".accessibilityHidden(true)"],
    }
    for name, words in expected.items():
        text = (HOST / name).read_text()
        assert [word for word in words if word not in text] == [], name
    drawn = re.compile(r"\b(?:Canvas \{|Image\(|(?:Bar|Line|Point)Mark\(|CameraPreview\()")
    found = {p for p in HOST.rglob("*.swift") if drawn.search(p.read_text())}
    assert {str(path.relative_to(HOST)) for path in found} <= set(expected)


def test_the_tables_of_the_readme_name_files_that_exist() -> None:
    rows = (HARNESS / "README.md").read_text().split("## What the seed app does")[1].splitlines()
    named, folder = 0, Path()
    for row in rows:
        for name in re.findall(r"`([\w/]+\.(?:swift|py))`", row):
            path = Path(name)
            folder = path.parent if len(path.parts) > 1 else folder
            assert any((root / folder / path.name).is_file() for root in ROOTS), name
            named += 1
    assert named > 25
