// Stand-ins for the parts of XCTest that Linux lacks. Each declaration cites its documentation.
//
// BLAZEPALM_IOS_ATTACHMENTS names a folder that replaces the result bundle. The shim writes a file
// for each attachment that is always kept, and a line to `index.txt`: file, tab, name of the
// activity or the test.

import Foundation
import XCTest

/// https://developer.apple.com/documentation/xctest/xctattachment
public final class XCTAttachment {
  /// https://developer.apple.com/documentation/xctest/xctattachment/lifetime-swift.enum
  public enum Lifetime {
    case keepAlways
    case deleteOnSuccess
  }

  /// https://developer.apple.com/documentation/xctest/xctattachment/name
  public var name: String?
  /// https://developer.apple.com/documentation/xctest/xctattachment/lifetime-swift.property
  public var lifetime = Lifetime.deleteOnSuccess
  let payload: Data

  /// https://developer.apple.com/documentation/xctest/xctattachment/init(data:uniformtypeidentifier:)
  public init(data: Data, uniformTypeIdentifier: String) {
    payload = data
  }
}

/// https://developer.apple.com/documentation/xctest/xctactivity
public protocol XCTActivity {
  /// https://developer.apple.com/documentation/xctest/xctactivity/name
  var name: String { get }
  /// https://developer.apple.com/documentation/xctest/xctactivity/add(_:)
  @MainActor func add(_ attachment: XCTAttachment)
}

/// https://developer.apple.com/documentation/xctest/xctcontext
public enum XCTContext {
  /// https://developer.apple.com/documentation/xctest/xctcontext/runactivity(named:block:)
  @MainActor
  public static func runActivity<Result>(
    named name: String, block: @MainActor (any XCTActivity) throws -> Result
  ) rethrows -> Result {
    try block(RecordedActivity(name: name))
  }
}

@MainActor
private final class RecordedActivity: XCTActivity {
  nonisolated let name: String

  init(name: String) {
    self.name = name
  }

  func add(_ attachment: XCTAttachment) {
    keep(attachment, of: name)
  }
}

/// Writes an attachment that is always kept to the folder, if one is named.
@MainActor
private func keep(_ attachment: XCTAttachment, of owner: String) {
  let variables = ProcessInfo.processInfo.environment
  guard attachment.lifetime == .keepAlways, let path = variables["BLAZEPALM_IOS_ATTACHMENTS"]
  else { return }
  let folder = URL(fileURLWithPath: path, isDirectory: true)
  let index = folder.appendingPathComponent("index.txt")
  do {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let before = (try? String(contentsOf: index, encoding: .utf8)) ?? ""
    let number = before.split(separator: "\n").count
    let name = "\(number)-\(attachment.name ?? "unnamed")"
    try attachment.payload.write(to: folder.appendingPathComponent(name))
    try (before + "\(name)\t\(owner)\n").write(to: index, atomically: true, encoding: .utf8)
  } catch {
    XCTFail("\(folder.path): cannot write an attachment: \(error)")
  }
}

/// https://developer.apple.com/documentation/xctest/xctmetric
public protocol XCTMetric {}
/// https://developer.apple.com/documentation/xctest/xctclockmetric
public final class XCTClockMetric: XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctclockmetric/init()
  public init() {}
}
/// https://developer.apple.com/documentation/xctest/xctmemorymetric
public final class XCTMemoryMetric: XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctmemorymetric/init()
  public init() {}
}
/// https://developer.apple.com/documentation/xctest/xctcpumetric
public final class XCTCPUMetric: XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctcpumetric/init()
  public init() {}
}

/// https://developer.apple.com/documentation/xctest/xctmeasureoptions
public final class XCTMeasureOptions {
  /// https://developer.apple.com/documentation/xctest/xctmeasureoptions/iterationcount
  public var iterationCount = 5

  /// https://developer.apple.com/documentation/xctest/xctmeasureoptions/init()
  public init() {}
}

extension XCTestCase {
  /// https://developer.apple.com/documentation/xctest/xctestcase/add(_:)
  @MainActor
  public func add(_ attachment: XCTAttachment) {
    keep(attachment, of: name)
  }

  /// https://developer.apple.com/documentation/xctest/xctestcase/measure(metrics:options:block:)
  ///
  /// Runs the block the requested number of times, and measures nothing.
  public func measure(metrics: [any XCTMetric], options: XCTMeasureOptions, block: () -> Void) {
    for _ in 0..<options.iterationCount {
      block()
    }
  }
}
