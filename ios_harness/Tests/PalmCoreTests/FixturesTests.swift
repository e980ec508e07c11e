// A fixtures folder is accepted only if every digest matches.

import PalmCore
import XCTest

final class FixturesTests: XCTestCase {
  func testSmallFixturesAreWhole() throws {
    try smallFixtures().verify()
  }

  func testAnAlteredFileIsRefused() throws {
    let folder = try copyOfSmallFixtures()
    let path = "images/one.bgra"
    let url = folder.appendingPathComponent(path)
    var data = try Data(contentsOf: url)
    data[7] ^= 1
    try data.write(to: url)
    let message = errorMessage { try Fixtures(folder: folder).verify() }
    XCTAssertTrue(message.contains(path) && message.contains("SHA-256"), message)
  }

  func testAMissingFileIsRefused() throws {
    let folder = try copyOfSmallFixtures()
    try FileManager.default.removeItem(at: folder.appendingPathComponent("images/two.bgra"))
    let message = errorMessage { try Fixtures(folder: folder).verify() }
    XCTAssertTrue(message.contains("images/two.bgra"), message)
  }

  func testAMissingFolderSaysWhatToDo() {
    let message = errorMessage {
      _ = try Fixtures(folder: URL(fileURLWithPath: "/nonexistent"))
    }
    XCTAssertTrue(message.contains("blazepalm golden export-ios"), message)
  }

  func testAnotherFormatIsRefused() throws {
    let message = try errorOfManifest {
      $0.replacingOccurrences(of: "fixtures/1", with: "fixtures/9")
    }
    XCTAssertTrue(message.contains("fixtures/9"), message)
  }

  func testAPathOutsideIsRefused() throws {
    let message = try errorOfManifest {
      $0.replacingOccurrences(of: "\"images/one.bgra\":\"", with: "\"../one.bgra\":\"")
    }
    XCTAssertTrue(message.contains("outside"), message)
  }

  func testAMissingKeyIsNamed() throws {
    let message = try errorOfManifest {
      $0.replacingOccurrences(of: "\"records\":", with: "\"recordings\":")
    }
    XCTAssertTrue(message.contains("records"), message)
  }

  func testAWrongShapeIsRefused() throws {
    let fixtures = try smallFixtures()
    let record = try XCTUnwrap(fixtures.manifest.records.first)
    var tensor = try XCTUnwrap(record.outputs["scores"])
    tensor.shape = [7]
    XCTAssertTrue(errorMessage { _ = try fixtures.values(tensor) }.contains("[7]"))
    tensor.shape = [Int.max / 2, Int.max / 2]
    XCTAssertTrue(errorMessage { _ = try fixtures.values(tensor) }.contains("is invalid"))
  }

  func testNothingToCompareIsRefused() throws {
    let folder = try temporaryFolder()
    let manifest = """
      {"format": "blazepalm-ios-fixtures/1", "commit": null, "files": {}, "models": [],
      "pipeline": null, "cases": [], "records": [], "decoders": [], "sequences": []}
      """
    try Data(manifest.utf8).write(to: folder.appendingPathComponent("manifest.json"))
    XCTAssertTrue(errorMessage { try Fixtures(folder: folder).verify() }.contains("no models"))
  }

  private func errorOfManifest(_ change: (String) -> String) throws -> String {
    let folder = try copyOfSmallFixtures()
    let url = folder.appendingPathComponent("manifest.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    let changed = change(text)
    XCTAssertNotEqual(text, changed)
    try Data(changed.utf8).write(to: url)
    return errorMessage { _ = try Fixtures(folder: folder) }
  }

  private func copyOfSmallFixtures() throws -> URL {
    let target = try temporaryFolder().appendingPathComponent("Fixtures")
    try FileManager.default.copyItem(at: smallFixtures().folder, to: target)
    return target
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("fixtures-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
    return folder
  }
}

/// The message of the error that `body` throws; fails if there is none.
func errorMessage(
  file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Void
) -> String {
  do {
    try body()
  } catch {
    return "\(error)"
  }
  XCTFail("no error", file: file, line: line)
  return ""
}
