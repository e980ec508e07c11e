// Plants faults in replayed outputs: each is caught by form here, or shows in the numbers that
// Python judges.

import CoreML
import CoreMLReplay
import PalmCore
import PalmHarness
import PalmKit
import XCTest

final class FaultTests: XCTestCase {
  override func tearDown() {
    ReplayFault.current = .none
  }

  /// Runs parity and pipeline on the CPU with a fault planted.
  private func results(_ fault: ReplayFault) async throws -> Results {
    let run = try smallRun(self) { $0.units = [.cpuOnly] }
    ReplayFault.current = fault
    for job in try run.jobs() {
      let runner = try await run.load(job)
      for record in try run.records(of: job.model) {
        _ = try run.parity(record, job, runner)
      }
    }
    let loaded = try await run.tracker(.cpuOnly)
    let tracker = try XCTUnwrap(loaded)
    for picture in try run.cases() {
      _ = try run.pipeline(picture, .cpuOnly, tracker)
    }
    return run.store.results
  }

  private func worst(_ results: Results) -> Double {
    results.parity.compactMap(\.maxAbs).max() ?? .infinity
  }

  func testNothingPlantedNothingFound() async throws {
    for fault in [ReplayFault.none, .honestPadding] {
      let results = try await results(fault)
      XCTAssertEqual(results.failures, [], "\(fault)")
      XCTAssertEqual(worst(results), 0, "\(fault)")
      XCTAssertEqual(results.parity.count, 4 * 3 + 4 * 4)
      XCTAssertEqual(results.pipeline.map(\.found), results.pipeline.map(\.expected))
      XCTAssertLessThan(try XCTUnwrap(results.pipeline.compactMap(\.landmarkErrorMax).max()), 1e-5)
    }
  }

  func testFaultsOfFormAreNamed() async throws {
    let parts: [(ReplayFault, String)] = [
      (.nan, "not finite"), (.wrongDtype, "int32, the model declares float32"),
      (.missingOutput, "gave no output"), (.truncated, "truncated"),
      (.constant, "all values are"), (.wrongShape, "the model declares"),
    ]
    for (fault, part) in parts {
      let results = try await results(fault)
      let parity = results.failures.filter { $0.stage == "parity" }
      XCTAssertFalse(parity.isEmpty, "\(fault)")
      XCTAssertTrue(parity.allSatisfy { $0.message.contains(part) }, "\(parity)")
      // every record of both models is named
      let records = try smallFixtures().manifest.records
      for record in records where fault != .constant || record.model == "tiny-palm" {
        XCTAssertTrue(
          parity.contains { $0.model == record.model && $0.message.hasPrefix(record.name + ":") },
          "\(fault) \(record.name)")
      }
    }
  }

  func testFaultsOfValueShowInTheNumbers() async throws {
    for fault in [ReplayFault.shifted, .transposed, .paddedRows, .otherCase] {
      let results = try await results(fault)
      // for every record, some output is far from the recorded one
      for (key, rows) in Dictionary(grouping: results.parity, by: { $0.model + " " + $0.case }) {
        XCTAssertGreaterThan(rows.compactMap(\.maxAbs).max() ?? 0, 1e-2, "\(fault) \(key)")
      }
    }
  }

  func testPicturesGoWrongToo() async throws {
    for fault in ReplayFault.allCases where fault != .none && fault != .honestPadding {
      let results = try await results(fault)
      let wrong = results.pipeline.contains {
        $0.found != $0.expected || ($0.landmarkErrorMax ?? 0) > 1e-3
      }
      XCTAssertTrue(
        wrong || results.failures.contains { $0.stage == "pipeline" }, "\(fault)")
    }
  }

  func testAWrongPictureIsNoticed() async throws {
    // blue and red swapped: nothing is recorded for such a picture
    let run = try smallRun(self) { $0.units = [.cpuOnly] }
    let model = try run.fixtures.model("tiny-palm")
    let runner = try await run.load(Job(model: model, units: .cpuOnly))
    let record = try XCTUnwrap(run.fixtures.manifest.records.first)
    var bytes = try run.fixtures.image(record.input).bytes
    for start in stride(from: 0, to: bytes.count, by: 4) {
      bytes.swapAt(start, start + 2)
    }
    let picture = try makePixelBuffer(BGRAImage(size: record.input.size, bytes: bytes))
    XCTAssertThrowsError(try runner.predict([picture])) { error in
      XCTAssertTrue("\(error)".contains("nothing is recorded"), "\(error)")
    }
  }
}

func smallFixtures() throws -> Fixtures {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Fixtures(folder: tests.appendingPathComponent("Fixtures"))
}

/// A run over the small fixtures in its own folder.
func smallRun(
  _ test: XCTestCase, _ change: (inout RunConfiguration) -> Void
) throws -> HarnessRun {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("run-\(UUID().uuidString)")
  test.addTeardownBlock { try? FileManager.default.removeItem(at: folder) }
  var configuration = RunConfiguration()
  change(&configuration)
  return try HarnessRun(
    fixtures: smallFixtures().folder, configuration: configuration,
    output: folder.appendingPathComponent("out"),
    models: ModelStore(folder: folder.appendingPathComponent("models")))
}
