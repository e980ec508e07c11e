// Results leave three ways: a file, an attachment that is always kept, one line on standard
// output. The file is the store's; the other two are here.

import Foundation
import PalmCore
import PalmCoreML
import PalmHarness
import XCTest

#if canImport(AppleTestShim)
  import AppleTestShim
#endif

/// The run that all tests of this process share, and the ways out of it.
@MainActor
enum ResultSink {
  /// Begins each line on standard output; a results document follows.
  static let linePrefix = "blazepalm-results "

  /// The run, or why there is none.
  private static let shared = Result { try makeRun() }

  /// The run. Throws where fixtures or configuration are not as they must be.
  static func run() throws -> HarnessRun {
    try shared.get()
  }

  /// Hands out what one case has added: kept as an attachment of its activity, and printed.
  static func deliver(_ added: Results, to activity: any XCTActivity) throws {
    let json = try added.json(pretty: false)
    activity.add(attachment(json))
    print(linePrefix + String(decoding: json, as: UTF8.self))
    for failure in added.failures {
      XCTFail("\(failure.stage) \(failure.model) \(failure.units): \(failure.message)")
    }
  }

  /// Ends a stage: all results so far are kept as an attachment of the test.
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

  /// The folder that a variable names, else the one in a bundle: the tests' or the app's.
  private static func fixturesFolder(_ environment: [String: String]) throws -> URL {
    if let path = environment["BLAZEPALM_IOS_FIXTURES"] {
      return URL(fileURLWithPath: path, isDirectory: true)
    }
    for bundle in [Bundle(for: ParityTests.self), Bundle.main] {
      if let folder = bundle.url(forResource: "Fixtures", withExtension: nil) { return folder }
    }
    #if canImport(Darwin)
      throw PalmError.invalidFixtures(
        "no folder Fixtures in the app; run `blazepalm golden export-ios -o App/Fixtures` and build "
          + "again")
    #else
      return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Tests/Fixtures")
    #endif
  }
}
