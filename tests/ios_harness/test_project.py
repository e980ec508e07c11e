"""The Xcode project is consistent: every identifier, path, setting and file, checked without Xcode.
Xcode itself may find more mistakes than these.
"""

import json
import plistlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from openstep_parser import OpenStepDecoder
from PIL import Image

from support.xcode_project import Project, parse

HARNESS = Path(__file__).parents[2] / "ios_harness"
MANIFEST = HARNESS.parent / "Package.swift"
APP = HARNESS / "App"
PROJECT = APP / "Harness.xcodeproj"
PBXPROJ = PROJECT / "project.pbxproj"
SCHEME = PROJECT / "xcshareddata" / "xcschemes" / "Harness.xcscheme"
HOST = APP / "HarnessHost"
EXPORTED = "Fixtures"  # filled by `blazepalm golden export-ios`, not committed
NOT_COMMITTED = (EXPORTED, "Signing.local.xcconfig")
APPLE = {
    "AVFoundation", "AppleTestShim", "Charts", "Combine", "CoreML", "CoreVideo", "Foundation",
    "SwiftUI", "UIKit", "XCTest",
}  # fmt: skip


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(PBXPROJ)


def swift_files(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.swift"))
    assert found, f"{folder}: no Swift file"
    return found


def test_a_parser_that_is_not_ours_reads_the_same_project(project: Project) -> None:
    text = PBXPROJ.read_text()
    assert OpenStepDecoder.ParseFromString(text) == project.values
    with pytest.raises(Exception, match="Expected ; after a value"):
        OpenStepDecoder.ParseFromString(text.replace("objectVersion = 77;", "objectVersion = 77"))


def test_the_project_is_of_the_format_with_synchronised_folders(project: Project) -> None:
    assert project.values["objectVersion"] == "77"
    assert project.project["preferredProjectObjectVersion"] == "77"


def test_no_identifier_dangles_and_no_object_is_lost(project: Project) -> None:
    assert len(project.objects) > 30
    assert project.dangling() == set()
    assert project.unreachable() == set()


@pytest.mark.parametrize("isa", ["PBXFileReference", "XCBuildConfiguration", "PBXNativeTarget"])
def test_a_lost_object_is_found(project: Project, isa: str) -> None:
    key = min(project.all(isa))
    less = Project(PBXPROJ)
    del less.objects[key]
    assert less.dangling() == {key}


@pytest.mark.parametrize(
    "text", ["{a = 1; a = 2;}", "{a = 1}", "(a b)", "{a = (1, 2;}", "{a = 1;} b", "{a = ;}", "{"]
)
def test_what_is_not_well_formed_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse(text)


def test_every_path_is_on_disk(project: Project) -> None:
    paths = project.paths()
    assert len(paths) == 5
    missing = {p.name for p in paths.values() if not p.exists()}
    assert missing <= set(NOT_COMMITTED)


def test_every_file_is_in_the_project_and_in_one_target(project: Project) -> None:
    folders = {
        project.paths()[key]: [
            target["name"]
            for target in project.all("PBXNativeTarget").values()
            if key in target["fileSystemSynchronizedGroups"]
        ]
        for key in project.all("PBXFileSystemSynchronizedRootGroup")
    }
    assert {folder.name: targets for folder, targets in folders.items()} == {
        "HarnessHost": ["HarnessHost"],
        "HarnessTests": ["HarnessTests"],
    }
    singles = {
        project.paths()[key]
        for key in project.all("PBXFileReference").keys() & project.paths().keys()
    }
    outside = [
        path
        for path in APP.rglob("*")
        if path.is_file()
        and path.relative_to(APP).parts[0] not in (PROJECT.name, *NOT_COMMITTED)
        and path not in singles
        and not any(path.is_relative_to(folder) for folder in folders)
    ]
    assert outside == []


def test_a_synchronised_folder_bundles_nothing_by_mistake() -> None:
    kinds = {
        path.suffix
        for folder in (HOST, APP / "HarnessTests")
        for path in folder.rglob("*")
        if path.is_file() and not any(part.endswith(".xcassets") for part in path.parts)
    }
    assert kinds == {".swift", ".xcprivacy"}


def test_every_target_has_all_phases_and_the_folder_of_fixtures_is_the_only_resource(
    project: Project,
) -> None:
    resources = {}
    for target in project.all("PBXNativeTarget").values():
        phases = project.phases(target)
        assert phases["PBXSourcesBuildPhase"] == []  # the synchronised folder fills them
        resources[target["name"]] = [
            project.objects[project.objects[file]["fileRef"]]
            for file in phases["PBXResourcesBuildPhase"]
        ]
    assert resources["HarnessTests"] == []
    (fixtures,) = resources["HarnessHost"]
    assert (fixtures["path"], fixtures["lastKnownFileType"]) == (EXPORTED, "folder")


def test_tests_run_in_the_host(project: Project) -> None:
    host_id, host = project.target("HarnessHost")
    tests_id, tests = project.target("HarnessTests")
    assert host["productType"] == "com.apple.product-type.application"
    assert tests["productType"] == "com.apple.product-type.bundle.unit-test"
    assert project.objects[host["productReference"]]["path"] == "HarnessHost.app"
    assert project.objects[tests["productReference"]]["path"] == "HarnessTests.xctest"
    (dependency,) = [project.objects[d] for d in tests["dependencies"]]
    assert dependency["target"] == host_id
    assert project.objects[dependency["targetProxy"]]["remoteGlobalIDString"] == host_id
    attributes = project.project["attributes"]["TargetAttributes"]
    assert attributes[tests_id]["TestTargetID"] == host_id
    for name, settings in project.settings(tests).items():
        assert settings["TEST_HOST"] == (
            "$(BUILT_PRODUCTS_DIR)/HarnessHost.app/$(BUNDLE_EXECUTABLE_FOLDER_PATH)/HarnessHost"
        ), name
        assert settings["BUNDLE_LOADER"] == "$(TEST_HOST)"
    for target in (host, tests):
        for settings in project.settings(target).values():
            assert settings["PRODUCT_NAME"] == "$(TARGET_NAME)"
            assert settings["PRODUCT_BUNDLE_IDENTIFIER"] == (
                f"$(BLAZEPALM_BUNDLE_PREFIX).{target['name']}"
            )


def test_settings_of_both_configurations(project: Project) -> None:
    common = project.settings(project.project)
    assert set(common) == {"Debug", "Release"}
    (minimum,) = re.findall(r"\.iOS\(\.v(\d+)\)", MANIFEST.read_text())
    for settings in common.values():
        assert settings["IPHONEOS_DEPLOYMENT_TARGET"] == f"{minimum}.0"
        assert settings["GENERATE_INFOPLIST_FILE"] == "YES"
        assert "INFOPLIST_FILE" not in settings
        assert not any("UIFileSharing" in key for key in settings)  # Xcode knows no such setting
    assert {settings["SWIFT_VERSION"] for settings in common.values()} == {"6.0"}
    assert "DEBUG" in common["Debug"]["SWIFT_ACTIVE_COMPILATION_CONDITIONS"]
    assert "SWIFT_ACTIVE_COMPILATION_CONDITIONS" not in common["Release"]
    assert common["Release"].get("SWIFT_OPTIMIZATION_LEVEL", "-O") == "-O"
    for target in project.all("PBXNativeTarget").values():
        debug, release = project.settings(target).values()
        assert debug == release
    host = project.settings(project.target("HarnessHost")[1])["Release"]
    # merged with the generated one; outside the synchronised folders, which would bundle it
    plist = APP / host["INFOPLIST_FILE"]
    assert plist in project.paths().values()
    assert plistlib.loads(plist.read_bytes()) == {"UIFileSharingEnabled": True}
    assert "INFOPLIST_KEY_UIFileSharingEnabled" not in host
    assert len(host["INFOPLIST_KEY_NSCameraUsageDescription"]) > 40
    assert host["INFOPLIST_KEY_UISupportedInterfaceOrientations"].endswith("Portrait")


def test_who_signs_is_not_in_the_project(project: Project) -> None:
    reference = {p: key for key, p in project.paths().items()}[APP / "Signing.xcconfig"]
    for configuration in project.objects[project.project["buildConfigurationList"]][
        "buildConfigurations"
    ]:
        assert project.objects[configuration]["baseConfigurationReference"] == reference
    for configuration in project.all("XCBuildConfiguration").values():
        signing = [k for k in configuration["buildSettings"] if re.match("CODE_SIGN|DEVELOPM", k)]
        assert signing == []
    lines = (APP / "Signing.xcconfig").read_text().splitlines()
    assert lines[-1] == '#include? "Signing.local.xcconfig"'  # last, so that its values win
    assert any(line.startswith("BLAZEPALM_BUNDLE_PREFIX = ") for line in lines)


@pytest.mark.parametrize("path", ["Signing.local.xcconfig", f"{EXPORTED}/manifest.json"])
def test_what_is_not_committed_is_ignored(path: str) -> None:
    command = ["git", "check-ignore", "--quiet", "--no-index", str(APP / path)]
    found = subprocess.run(command, cwd=HARNESS, capture_output=True)
    if found.returncode == 128:
        pytest.skip("no git checkout: what git ignores cannot be asked")
    assert found.returncode == 0


def package_products() -> dict[str, set[str]]:
    text = MANIFEST.read_text()
    found = re.findall(r'\.library\(\s*name: "(\w+)",\s*targets: \[(.*?)\]', text, re.DOTALL)
    return {name: set(re.findall(r'"(\w+)"', targets)) for name, targets in found}


def test_both_targets_link_one_product_of_the_package(project: Project) -> None:
    (reference,) = project.project["packageReferences"]
    relative = project.objects[reference]["relativePath"]
    assert (APP / relative / "Package.swift").resolve() == MANIFEST
    products = package_products()
    seen = set()
    for target in project.all("PBXNativeTarget").values():
        (dependency,) = target["packageProductDependencies"]
        assert project.objects[dependency]["package"] == reference
        assert project.objects[dependency]["productName"] == "HarnessKit"
        (linked,) = project.phases(target)["PBXFrameworksBuildPhase"]
        assert project.objects[linked]["productRef"] == dependency
        seen.add(dependency)
    assert len(seen) == 2  # one of its own for each target
    # a product that two targets link, and is named like a target, could not be built dynamically
    assert "HarnessKit" not in set().union(*products.values())


def test_an_app_finds_two_products_named_like_their_modules() -> None:
    products = package_products()
    assert products["PalmCore"] == {"PalmCore"} and products["PalmKit"] == {"PalmKit"}
    assert set(products) == {"PalmCore", "PalmKit", "HarnessKit"}


def test_what_is_imported_is_linked() -> None:
    kit = package_products()["HarnessKit"]
    for path in swift_files(APP):
        imported = set(re.findall(r"^\s*import (\w+)", path.read_text(), re.MULTILINE))
        assert imported <= kit | APPLE, path.name
        if "ObservableObject" in path.read_text():
            assert "Combine" in imported, path.name  # Foundation does not bring it along


def test_there_is_one_shared_scheme_and_it_tests_release(project: Project) -> None:
    assert list(SCHEME.parent.iterdir()) == [SCHEME]
    scheme = ElementTree.parse(SCHEME).getroot()
    references = list(scheme.iter("BuildableReference"))
    assert len(references) >= 4
    for reference in references:
        identifier, target = project.target(reference.attrib["BlueprintName"])
        assert reference.attrib["BlueprintIdentifier"] == identifier
        product = project.objects[target["productReference"]]["path"]
        assert reference.attrib["BuildableName"] == product
        assert reference.attrib["ReferencedContainer"] == f"container:{PROJECT.name}"
    test = scheme.find("TestAction")
    assert test is not None
    assert test.attrib["buildConfiguration"] == "Release"
    assert test.attrib["codeCoverageEnabled"] == "NO"
    (testable,) = test.iter("TestableReference")
    assert (testable.attrib["parallelizable"], testable.attrib["skipped"]) == ("NO", "NO")
    (reference,) = testable.iter("BuildableReference")
    assert reference.attrib["BlueprintName"] == "HarnessTests"


def test_the_scripts_name_the_project_scheme_and_host() -> None:
    common = (HARNESS / "scripts" / "common.sh").read_text()
    assert f"App/{PROJECT.name}" in common
    assert f"BLAZEPALM_SCHEME:-{SCHEME.stem}" in common
    assert "-target HarnessHost " in (HARNESS / "scripts" / "phone.sh").read_text()
    assert "HarnessHost.app" in (HARNESS / "scripts" / "farm.sh").read_text()


# https://developer.apple.com/documentation/bundleresources/describing-use-of-required-reason-api
REASONS = {
    "NSPrivacyAccessedAPICategoryUserDefaults": r"\bUserDefaults\b|@AppStorage|\.standard\b",
    "NSPrivacyAccessedAPICategoryFileTimestamp": r"creationDate|modificationDate|\bstat\(",
    "NSPrivacyAccessedAPICategorySystemBootTime": r"systemUptime|mach_absolute_time",
    "NSPrivacyAccessedAPICategoryDiskSpace": r"volumeAvailableCapacity|systemFreeSize|statfs",
    "NSPrivacyAccessedAPICategoryActiveKeyboards": r"activeInputModes",
}


def test_the_privacy_manifest_names_what_the_code_uses() -> None:
    manifest = plistlib.loads((HOST / "PrivacyInfo.xcprivacy").read_bytes())
    assert manifest["NSPrivacyTracking"] is False
    assert manifest["NSPrivacyTrackingDomains"] == []
    assert manifest["NSPrivacyCollectedDataTypes"] == []
    declared = {
        entry["NSPrivacyAccessedAPIType"]: entry["NSPrivacyAccessedAPITypeReasons"]
        for entry in manifest["NSPrivacyAccessedAPITypes"]
    }
    code = "".join(p.read_text() for p in swift_files(HOST) + swift_files(HARNESS / "Sources"))
    used = {category for category, pattern in REASONS.items() if re.search(pattern, code)}
    assert set(declared) == used
    assert all(declared.values())


def test_the_catalogue_has_what_the_settings_name(project: Project) -> None:
    catalogue = HOST / "Assets.xcassets"
    for contents in catalogue.rglob("Contents.json"):
        assert json.loads(contents.read_text())["info"]["version"] == 1
    settings = project.settings(project.target("HarnessHost")[1])["Release"]
    icon = settings["ASSETCATALOG_COMPILER_APPICON_NAME"]
    accent = settings["ASSETCATALOG_COMPILER_GLOBAL_ACCENT_COLOR_NAME"]
    (entry,) = json.loads((catalogue / f"{icon}.appiconset" / "Contents.json").read_text())[
        "images"
    ]
    with Image.open(catalogue / f"{icon}.appiconset" / entry["filename"]) as picture:
        assert entry["size"] == "1024x1024" and picture.size == (1024, 1024)
        assert picture.mode == "RGB"  # the App Store refuses transparency
        assert len(picture.getcolors(1 << 20) or []) > 8
    colours = json.loads((catalogue / f"{accent}.colorset" / "Contents.json").read_text())["colors"]
    assert [bool(c.get("appearances")) for c in colours] == [False, True]  # light, dark


def test_the_workspace_is_the_project_itself() -> None:
    workspace = ElementTree.parse(PROJECT / "project.xcworkspace" / "contents.xcworkspacedata")
    assert [ref.attrib["location"] for ref in workspace.getroot()] == ["self:"]
