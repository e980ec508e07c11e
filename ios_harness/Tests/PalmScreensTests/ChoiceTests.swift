// Saving the choice and adapting it to the fixtures; the bars of a chart.

import PalmCore
import PalmScreens
import XCTest

final class ChoiceTests: XCTestCase {
  private var manifest: FixtureManifest!

  override func setUpWithError() throws {
    manifest = try fixtures().manifest
  }

  func testAModelThatIsNotThereGivesWay() throws {
    var choice = TrackerChoice()
    choice.palm = "palm-of-yesterday"
    choice.maximumHands = 100
    choice.units = .cpuOnly
    let fitted = try choice.fitted(to: manifest)
    XCTAssertEqual(fitted.palm, "tiny-palm")
    XCTAssertEqual(fitted.hand, "tiny-hand")
    XCTAssertEqual(fitted.maximumHands, 4)
    XCTAssertEqual(fitted.units, .cpuOnly)
    manifest.pipeline = nil
    XCTAssertEqual(try choice.fitted(to: manifest).hand, "tiny-hand")
    manifest.models.removeAll { $0.kind == .hand }
    XCTAssertThrowsError(try choice.fitted(to: manifest)) {
      XCTAssertTrue("\($0)".contains("no landmark model"))
    }
  }

  func testOnlySomeChangesNeedAnotherTracker() {
    let old = TrackerChoice()
    var new = old
    new.maximumHands = 1
    XCTAssertFalse(new.needsOtherTracker(than: old))
    new.units = .cpuOnly
    XCTAssertTrue(new.needsOtherTracker(than: old))
  }

  func testAChoiceIsKept() throws {
    let name = "choice-\(UUID().uuidString)"
    let store = try XCTUnwrap(UserDefaults(suiteName: name))
    defer { store.removePersistentDomain(forName: name) }
    XCTAssertEqual(TrackerChoice.kept(in: store), TrackerChoice())
    var choice = TrackerChoice()
    choice.hand = "tiny-hand"
    choice.follows = false
    choice.units = .cpuAndGPU
    try choice.keep(in: store)
    XCTAssertEqual(TrackerChoice.kept(in: store), choice)
    store.set(Data("{}".utf8), forKey: TrackerChoice.key)
    XCTAssertEqual(TrackerChoice.kept(in: store), TrackerChoice())
  }

  func testBarsAreTheRowsWithFigures() {
    let samples = (1...20).map { UInt64($0) * 1_000_000 }
    let bars = benchmarkBars([
      row("b", .all, samples), row("a", .all, samples), row("a", .cpuOnly, samples),
      row("a", .cpuAndGPU, []),
    ])
    XCTAssertEqual(bars.map(\.id), ["a CPU", "b All", "a All"])
    XCTAssertEqual(bars[0].median, 10.5, accuracy: 1e-9)  // numpy.percentile(1…20, 50)
    XCTAssertEqual(bars[0].slow, 19.05, accuracy: 1e-9)  // numpy.percentile(1…20, 95)
    XCTAssertEqual(bars[0].spoken, "a on CPU: median 10.5 ms, 95th percentile 19.1 ms")
  }

  func testCaveats() {
    var results = Results(
      run: RunFacts(
        id: "", startedAt: "", commit: "", configuration: "Release", configSha256: "",
        channel: "device"),
      device: DeviceFacts(
        model: "", isSimulator: false, osVersion: "", osBuild: "", ramBytes: 0, lowPower: false,
        computeDevices: []), fixtures: FixtureFacts(manifestSha256: ""))
    results.bench = [row("a", .all, [1])]
    XCTAssertEqual(benchmarkCaveats(results), [])
    results.bench[0].thermal.start = "fair"
    XCTAssertEqual(benchmarkCaveats(results).count, 1)
    results.device.isSimulator = true
    results.device.lowPower = true
    results.run.configuration = "Debug"
    XCTAssertEqual(benchmarkCaveats(results).count, 4)
  }

  private func row(_ model: String, _ units: Units, _ samples: [UInt64]) -> BenchRow {
    BenchRow(
      model: model, units: units.rawValue, warmup: 0, samplesNs: samples, firstMs: nil,
      load: LoadTimes(compileMs: nil, coldMs: nil, warmMs: []),
      memory: MemoryFootprint(before: 0, loaded: 0, peak: 0),
      thermal: ThermalRecord(start: "nominal", end: "nominal", events: []), plan: nil)
  }
}

/// The small fixtures beside the tests.
func fixtures() throws -> Fixtures {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Fixtures(folder: tests.appendingPathComponent("Fixtures"))
}
