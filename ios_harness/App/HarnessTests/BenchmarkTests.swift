// Measures the speed of every model on every unit: the results get raw samples, and Xcode's report
// also gets XCTest's own metrics of one model.

import PalmCore
import PalmHarness
import PalmKit
import XCTest

#if canImport(AppleTestShim)
  import AppleTestShim
#endif

@MainActor
final class BenchmarkTests: XCTestCase {
  func testModels() async throws {
    let run = try ResultSink.run()
    try XCTSkipUnless(run.configuration.stages.contains(.bench), "the run omits bench")
    for job in try run.jobs() {
      let added = try await run.bench(job)
      try XCTContext.runActivity(named: "\(job.model.name) · \(job.units.rawValue)") { activity in
        try ResultSink.deliver(added, to: activity)
      }
    }
    try ResultSink.finish(.bench, of: self)
  }

  func testXCTestMetrics() async throws {
    let run = try ResultSink.run()
    try XCTSkipUnless(run.configuration.stages.contains(.bench), "the run omits bench")
    let job = try XCTUnwrap(try run.jobs().first)
    let runner = try await run.load(job)
    let record = try XCTUnwrap(try run.records(of: job.model).first)
    let picture = try makePixelBuffer(run.fixtures.image(record.input))
    let options = XCTMeasureOptions()
    options.iterationCount = 5
    measure(
      metrics: [XCTClockMetric(), XCTMemoryMetric(), XCTCPUMetric()], options: options
    ) {
      do {
        for _ in 0..<20 {
          _ = try runner.predict([picture])
        }
      } catch {
        XCTFail("\(error)")
      }
    }
  }
}
