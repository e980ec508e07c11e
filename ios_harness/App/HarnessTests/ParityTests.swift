// Compares every model on every unit with the recorded outputs, and whole pictures with the
// expected hands: one activity for each model × case × units.

import PalmCore
import PalmHarness
import XCTest

#if canImport(AppleTestShim)
  import AppleTestShim
#endif

@MainActor
final class ParityTests: XCTestCase {
  func testModels() async throws {
    let run = try ResultSink.run()
    try XCTSkipUnless(run.configuration.stages.contains(.parity), "the run omits parity")
    for job in try run.jobs() {
      let what = "\(job.model.name) · \(job.units.rawValue)"
      do {
        let runner = try await run.load(job)
        for record in try run.records(of: job.model) {
          try XCTContext.runActivity(named: "\(what) · \(record.name)") { activity in
            try ResultSink.deliver(run.parity(record, job, runner), to: activity)
          }
        }
      } catch let error as PalmError {
        try XCTContext.runActivity(named: what) { activity in
          try ResultSink.deliver(
            run.fail("load", model: job.model.name, units: job.units, error), to: activity)
        }
      }
    }
    try ResultSink.finish(.parity, of: self)
  }

  func testPictures() async throws {
    let run = try ResultSink.run()
    try XCTSkipUnless(run.configuration.stages.contains(.pipeline), "the run omits pipeline")
    for units in run.configuration.units {
      do {
        guard let tracker = try await run.tracker(units) else {
          throw PalmError.invalidFixtures(
            "the fixtures have no pair of models; export a palm detector and a landmark model, or "
              + "remove `pipeline` from the stages")
        }
        for picture in try run.cases() {
          try XCTContext.runActivity(named: "pipeline · \(units.rawValue) · \(picture.name)") {
            try ResultSink.deliver(run.pipeline(picture, units, tracker), to: $0)
          }
        }
      } catch let error as PalmError {
        try XCTContext.runActivity(named: "pipeline · \(units.rawValue)") { activity in
          try ResultSink.deliver(run.fail("pipeline", units: units, error), to: activity)
        }
      }
    }
    try ResultSink.finish(.pipeline, of: self)
  }
}
