// Delivers results in three ways: as a file, as an attachment that is always kept, and as one line
// on standard output. The store writes the file; this file does the other two.

import Foundation
import PalmCore
import PalmHarness
import PalmKit
import XCTest

#if canImport(AppleTestShim)
  import AppleTestShim
#endif

/// The run that all tests of this process share, and the delivery of its results.
@MainActor
enum ResultSink {
  /// The prefix of each line on standard output, before a results document.
  static let linePrefix = "blazepalm-results "

  /// The run, or the error that prevented it.
  private static let shared = Result { try makeRun() }

  /// The run. Throws if fixtures or configuration are invalid.
  static func run() throws -> HarnessRun {
    try shared.get()
  }

  /// Delivers the rows that one case has added: attaches them to its activity, and prints them.
  static func deliver(_ added: Results, to activity: any XCTActivity) throws {
    let json = try added.json(pretty: false)
    activity.add(attachment(json))
    print(linePrefix + String(decoding: json, as: UTF8.self))
    for failure in added.failures {
      XCTFail("\(failure.stage) \(failure.model) \(failure.units): \(failure.message)")
    }
  }

  /// Ends a stage: attaches all results so far to the test.
  static func finish(_ stage: RunStage, of test: XCTestCase) throws {
    let store = try run().store
    try store.finish(stage)
    test.add(attachment(try store.results.json(pretty: false)))
    print("blazepalm: \(store.results.status.rawValue), \(store.folder.path)/results.json")
  }

  private static func attachment(_ json: Data) -> XCTAttachment {
    let attachment = XCTAttachment(data: json, uniformTypeIdentifier: "public.json")
    attachment.name = "results.json"
    attachment.lifetime = .keepAlways
    return attachment
  }

  private static func makeRun() throws -> HarnessRun {
    let environment = ProcessInfo.processInfo.environment
    let documents = try documentsFolder()
    let fixtures = try fixturesFolder(environment)
    let output =
      environment["BLAZEPALM_IOS_OUT"].map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? documents.appendingPathComponent("out", isDirectory: true)
    let configuration = try RunConfiguration.load(
      documents: try? Data(contentsOf: documents.appendingPathComponent("run.json")),
      environment: environment,
      bundled: try? Data(contentsOf: fixtures.appendingPathComponent("run.json")))
    #if canImport(Darwin)
      let models = try ModelStore()
    #else
      let models = try ModelStore(folder: documents.appendingPathComponent("models"))
    #endif
    return try HarnessRun(
      fixtures: fixtures, configuration: configuration, output: output, models: models)
  }

  private static func documentsFolder() throws -> URL {
    #if canImport(Darwin)
      return try FileManager.default.url(
        for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
    #else
      return FileManager.default.temporaryDirectory
        .appendingPathComponent("blazepalm-harness-\(ProcessInfo.processInfo.processIdentifier)")
    #endif
  }

  /// The folder named by a variable, else the one in the tests' or the app's bundle.
  private static func fixturesFolder(_ environment: [String: String]) throws -> URL {
    if let path = environment["BLAZEPALM_IOS_FIXTURES"] {
      return URL(fileURLWithPath: path, isDirectory: true)
    }
    for bundle in [Bundle(for: ParityTests.self), Bundle.main] {
      if let folder = bundle.url(forResource: "Fixtures", withExtension: nil) { return folder }
    }
    #if canImport(Darwin)
      throw PalmError.invalidFixtures(
        "the app has no Fixtures folder; run `blazepalm golden export-ios -o App/Fixtures`, then "
          + "build again")
    #else
      return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Tests/Fixtures")
    #endif
  }
}
