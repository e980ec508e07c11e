// `results.json` has exactly the keys of its schema, and numbers that are not finite are null.

import PalmCore
import XCTest

final class ResultsTests: XCTestCase {
  private func example() throws -> Results {
    var results = Results(
      run: RunFacts(
        id: "r", startedAt: "2024-01-01T00:00:00Z", commit: "", configuration: "Release",
        configSha256: "0", channel: "device"),
      device: DeviceFacts(
        model: "iPhone15,2", isSimulator: false, osVersion: "17.4", osBuild: "21E219",
        ramBytes: 6_000_000_000, lowPower: false, computeDevices: ["cpu"]),
      fixtures: FixtureFacts(manifestSha256: "1"))
    results.models = [
      ModelFacts(
        name: "m", file: "models/M.mlpackage", sha256: "2", precision: "fp16",
        io: [PortFacts(name: "boxes", dtype: "float32", shape: [2, 4], strides: [4, 1])])
    ]
    results.parity = [
      ParityRow(
        model: "m", case: "c", units: "all", tensor: "boxes", n: 8, maxAbs: .nan, nanCount: 8,
        rawFile: "raw/m/c__all__boxes.bin")
    ]
    results.pipeline = [
      PipelineRow(case: "c", units: "all", comparison: HandComparison(expected: [], found: []))
    ]
    results.bench = [
      BenchRow(
        model: "m", units: "all", warmup: 1, samplesNs: [1_000_000, 3_000_000], firstMs: 5,
        load: LoadTimes(compileMs: 1, coldMs: nil, warmMs: [2]),
        memory: MemoryFootprint(before: 1, loaded: 2, peak: 3),
        thermal: ThermalRecord(
          start: "nominal", end: "fair", events: [ThermalEvent(atS: 1.5, state: "fair")]),
        plan: nil)
    ]
    results.failures = [FailureRow(stage: "load", model: "m", units: "all", message: "no")]
    return results
  }

  func testKeysAreThoseOfTheSchema() throws {
    let json = try example().json(pretty: false)
    XCTAssertFalse(json.contains(UInt8(ascii: "\n")))
    let whole = try XCTUnwrap(JSONSerialization.jsonObject(with: json) as? [String: Any])
    func row(_ key: String) throws -> [String: Any] {
      try XCTUnwrap((whole[key] as? [[String: Any]])?.first)
    }
    func keys(_ object: Any?) -> Set<String> { Set((object as? [String: Any])?.keys ?? [:].keys) }
    XCTAssertEqual(
      keys(whole),
      [
        "schema", "run", "device", "fixtures", "models", "parity", "pipeline", "bench",
        "failures", "status",
      ])
    XCTAssertEqual(whole["schema"] as? String, "blazepalm-ios-results/1")
    XCTAssertEqual(
      keys(whole["run"]),
      ["id", "started_at", "commit", "configuration", "config_sha256", "channel"])
    XCTAssertEqual(
      keys(whole["device"]),
      [
        "model", "is_simulator", "os_version", "os_build", "ram_bytes", "low_power",
        "compute_devices",
      ])
    XCTAssertEqual(keys(whole["fixtures"]), ["manifest_sha256"])
    XCTAssertEqual(keys(try row("models")), ["name", "file", "sha256", "precision", "io"])
    XCTAssertEqual(
      keys((try row("models")["io"] as? [Any])?.first), ["name", "dtype", "shape", "strides"])
    XCTAssertEqual(
      keys(try row("parity")),
      ["model", "case", "units", "tensor", "n", "max_abs", "nan_count", "raw_file"])
    XCTAssertEqual(
      keys(try row("pipeline")),
      ["case", "units", "expected", "found", "box_iou_min", "landmark_error_max"])
    let bench = try row("bench")
    XCTAssertEqual(
      keys(bench),
      [
        "model", "units", "warmup", "samples_ns", "p50_ms", "p90_ms", "p95_ms", "p99_ms",
        "first_ms", "load", "memory", "thermal", "plan",
      ])
    XCTAssertEqual(keys(bench["load"]), ["compile_ms", "cold_ms", "warm_ms"])
    XCTAssertEqual(keys(bench["memory"]), ["before", "loaded", "peak"])
    XCTAssertEqual(keys(bench["thermal"]), ["start", "end", "events"])
    XCTAssertEqual(bench["p50_ms"] as? Double, 2)
    XCTAssertEqual(keys(try row("failures")), ["stage", "model", "units", "message"])
  }

  func testWhatIsNotANumberIsNull() throws {
    let text = String(decoding: try example().json(pretty: false), as: UTF8.self)
    for null in ["\"max_abs\":null", "\"cold_ms\":null", "\"plan\":null", "\"box_iou_min\":null"] {
      XCTAssertTrue(text.contains(null), null)
    }
    XCTAssertFalse(text.contains("nan,"))
  }

  func testReadsWhatItWrote() throws {
    var results = try example()
    results.parity[0].maxAbs = nil
    results.status = .complete
    XCTAssertEqual(try Results.read(results.json(pretty: true)), results)
  }
}
