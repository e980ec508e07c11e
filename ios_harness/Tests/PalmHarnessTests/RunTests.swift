// The files of a run, their order, and when the run is complete.

import CoreML
import PalmCore
import PalmDevice
import PalmHarness
import PalmKit
import XCTest

final class RunTests: XCTestCase {
  private func written(_ run: HarnessRun) throws -> Results {
    try Results.read(
      Data(contentsOf: run.store.folder.appendingPathComponent("results.json")))
  }

  func testTheFileIsThereBeforeTheFirstCaseAndAfterEach() async throws {
    let run = try smallRun(self) { $0.stages = [.parity, .bench] }
    XCTAssertEqual(try written(run).status, .partial)
    let job = try XCTUnwrap(run.jobs().first)
    let runner = try await run.load(job)
    let record = try XCTUnwrap(run.records(of: job.model).first)
    let added = try run.parity(record, job, runner)
    XCTAssertEqual(added.parity.count, 3)
    XCTAssertEqual(try written(run), run.store.results)
    XCTAssertEqual(try written(run).parity, added.parity)
    try run.store.finish(.parity)
    XCTAssertEqual(try written(run).status, .partial)
    try run.store.finish(.bench)
    XCTAssertEqual(try written(run).status, .complete)
  }

  func testRawOutputsAreTheRecordedBytes() async throws {
    let run = try smallRun(self) { $0.units = [.all] }
    let job = try XCTUnwrap(run.jobs().first)
    let record = try XCTUnwrap(run.records(of: job.model).first)
    let added = try run.parity(record, job, try await run.load(job))
    for row in added.parity {
      XCTAssertEqual(
        row.rawFile, "raw/tiny-palm/\(record.name)__all__\(row.tensor).bin")
      let raw = try Data(contentsOf: run.store.folder.appendingPathComponent(row.rawFile))
      let file = try XCTUnwrap(record.outputs[row.tensor]).file
      XCTAssertEqual([UInt8](raw), try run.fixtures.bytes(file))
    }
  }

  func testUnitsRotateFromModelToModel() throws {
    let run = try smallRun(self) { $0.units = [.cpuOnly, .cpuAndGPU, .all] }
    XCTAssertEqual(
      try run.jobs().map(\.units),
      [.cpuOnly, .cpuAndGPU, .all, .cpuAndGPU, .all, .cpuOnly])
  }

  func testCasesAndModelsAreChosen() throws {
    let run = try smallRun(self) {
      $0.models = ["tiny-hand"]
      $0.cases = ["two"]
      $0.units = [.all]
    }
    let job = try XCTUnwrap(run.jobs().first)
    XCTAssertEqual(try run.jobs().count, 1)
    XCTAssertEqual(try run.records(of: job.model).map(\.name), ["two-0", "two-1"])
    XCTAssertEqual(try run.cases().map(\.name), ["two"])
  }

  func testChoosingNothingFails() throws {
    let run = try smallRun(self) { $0.cases = ["nowhere"] }
    let model = try run.fixtures.model("tiny-palm")
    XCTAssertThrowsError(try run.records(of: model))
    XCTAssertThrowsError(try run.cases())
    let other = try smallRun(self) { $0.models = ["nobody"] }
    XCTAssertThrowsError(try other.jobs()) { XCTAssertTrue("\($0)".contains("tiny-palm")) }
  }

  func testAnEarlierRunIsRemoved() async throws {
    let run = try smallRun(self) { $0.units = [.all] }
    let job = try XCTUnwrap(run.jobs().first)
    _ = try run.parity(run.records(of: job.model)[0], job, try await run.load(job))
    let again = try HarnessRun(
      fixtures: run.fixtures.folder, configuration: run.configuration, output: run.store.folder,
      models: run.models)
    XCTAssertEqual(try written(again).parity, [])
    XCTAssertFalse(
      FileManager.default.fileExists(
        atPath: again.store.folder.appendingPathComponent("raw").path))
  }

  func testTheDeviceIsToldToBeAReplay() throws {
    let run = try smallRun(self) { $0.commit = "abc" }
    let results = run.store.results
    XCTAssertTrue(results.device.isSimulator)
    XCTAssertEqual(results.run.channel, "replay")
    XCTAssertEqual(results.run.commit, "abc")
    XCTAssertEqual(results.fixtures.manifestSha256, run.fixtures.manifestSHA256)
    XCTAssertEqual(results.run.configSha256, try run.configuration.sha256())
  }

  func testABenchmarkKeepsEveryFigureApart() async throws {
    let run = try smallRun(self) {
      $0.warmup = 3
      $0.iterations = 10
      $0.warmLoads = 2
    }
    var instruments = Instruments()
    var bytes: UInt64 = 100
    instruments.memory = {
      bytes += 1
      return bytes
    }
    instruments.thermal = { .nominal }
    let job = try XCTUnwrap(run.jobs().first)
    let added = try await run.bench(job, instruments)
    let row = try XCTUnwrap(added.bench.first)
    XCTAssertEqual(row.samplesNs.count, 10)
    XCTAssertEqual(row.warmup, 3)
    XCTAssertTrue(row.samplesNs.allSatisfy { $0 > 0 })
    let median = try XCTUnwrap(percentile(row.samplesNs.map { milliseconds($0) }, 50))
    XCTAssertEqual(row.p50Ms, median)
    XCTAssertGreaterThan(try XCTUnwrap(row.load.compileMs), 0)
    XCTAssertGreaterThan(try XCTUnwrap(row.load.coldMs), 0)
    XCTAssertEqual(row.load.warmMs.count, 2)
    XCTAssertEqual(row.memory, MemoryFootprint(before: 101, loaded: 102, peak: 116))
    XCTAssertEqual(row.thermal, ThermalRecord(start: "nominal", end: "nominal", events: []))
    XCTAssertNotNil(row.plan)
  }

  func testAHotDeviceIsWaitedFor() async throws {
    let run = try smallRun(self) {
      $0.warmup = 0
      $0.iterations = 2
      $0.cooldownSeconds = 5
    }
    var states: [ThermalState] = [.serious, .serious, .serious, .fair, .fair, .nominal]
    let waits = Waits()
    var instruments = Instruments()
    instruments.thermal = { states.count > 1 ? states.removeFirst() : states[0] }
    instruments.wait = { _ in await waits.add() }
    let job = try XCTUnwrap(run.jobs().first)
    let added = try await run.bench(job, instruments)
    let row = try XCTUnwrap(added.bench.first)
    let waited = await waits.count
    XCTAssertGreaterThan(waited, 0)
    // heat before the wait does not affect the measurement
    XCTAssertEqual(row.thermal.start, "nominal")
    XCTAssertEqual(row.thermal.end, "nominal")
    XCTAssertEqual(row.thermal.events.map(\.state), ["cooling"])
  }

  func testADeviceThatStaysHotIsMeasuredAllTheSame() async throws {
    let run = try smallRun(self) {
      $0.warmup = 0
      $0.iterations = 1
      $0.cooldownSeconds = 3
    }
    let waits = Waits()
    var instruments = Instruments()
    instruments.thermal = { .critical }
    instruments.wait = { _ in await waits.add() }
    let job = try XCTUnwrap(run.jobs().first)
    let added = try await run.bench(job, instruments)
    let row = try XCTUnwrap(added.bench.first)
    let waited = await waits.count
    XCTAssertEqual(waited, 3)
    XCTAssertEqual(row.thermal.start, "critical")
    XCTAssertEqual(row.thermal.end, "critical")
  }
}

private actor Waits {
  var count = 0

  func add() {
    count += 1
  }
}
