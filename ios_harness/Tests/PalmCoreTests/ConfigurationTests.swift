// Documents override variables, which override the bundled file; errors name the mistake.

import PalmCore
import XCTest

final class ConfigurationTests: XCTestCase {
  private func load(
    documents: String? = nil, environment: [String: String] = [:], bundled: String? = nil
  ) throws -> RunConfiguration {
    try RunConfiguration.load(
      documents: documents.map { Data($0.utf8) }, environment: environment,
      bundled: bundled.map { Data($0.utf8) })
  }

  func testDefaults() throws {
    XCTAssertEqual(try load(), RunConfiguration())
    XCTAssertEqual(try load().units, Units.allCases)
  }

  func testEachSourceOverridesTheNext() throws {
    let found = try load(
      documents: #"{"warmup": 1}"#,
      environment: [
        "TEST_RUNNER_BLAZEPALM_IOS_WARMUP": "2", "BLAZEPALM_IOS_ITERATIONS": "5",
        "TEST_RUNNER_BLAZEPALM_IOS_UNITS": "all, cpuOnly", "BLAZEPALM_IOS_COMMIT": "abc",
      ],
      bundled: #"{"warmup": 3, "iterations": 9, "models": ["m"], "warm_loads": 0}"#)
    XCTAssertEqual(found.warmup, 1)
    XCTAssertEqual(found.iterations, 5)
    XCTAssertEqual(found.units, [.all, .cpuOnly])
    XCTAssertEqual(found.models, ["m"])
    XCTAssertEqual(found.warmLoads, 0)
    XCTAssertEqual(found.commit, "abc")
  }

  func testTheDigestFollowsTheValues() throws {
    let a = try load(documents: #"{"warmup": 1, "iterations": 2}"#).sha256()
    XCTAssertEqual(a, try load(bundled: #"{"iterations": 2, "warmup": 1}"#).sha256())
    XCTAssertNotEqual(a, try load().sha256())
    XCTAssertEqual(a.count, 64)
  }

  func testMistakesAreNamed() {
    for (text, part) in [
      ("[1]", "JSON object"), (#"{"warm_up": 1}"#, "warm_up"), (#"{"warmup": "3"}"#, "warmup"),
      (#"{"units": ["gpu"]}"#, "cpuAndGPU"), (#"{"units": []}"#, "units"),
      (#"{"iterations": 0}"#, "iterations"), (#"{"models": "m"}"#, "models"),
      (#"{"id": 3}"#, "id"),
    ] {
      let message = errorMessage { _ = try load(documents: text) }
      XCTAssertTrue(message.contains(part), message)
    }
    let variables = ["BLAZEPALM_IOS_WARMUP": "many"]
    XCTAssertTrue(errorMessage { _ = try load(environment: variables) }.contains("many"))
  }
}
