// Stand-ins for the parts of XCTest that Linux has not. Each declaration names the page that it
// follows. Attachments and activities are kept, so that tests of the harness can look at them.

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
  /// The shim's own: what was attached.
  public let payload: Data

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
    let activity = RecordedActivity(name: name)
    defer { Recorded.activities.append(activity) }
    return try block(activity)
  }
}

/// The shim's own: an activity that has run.
@MainActor
public final class RecordedActivity: XCTActivity {
  /// Its name.
  nonisolated public let name: String
  /// What was attached to it.
  public private(set) var attachments: [XCTAttachment] = []

  init(name: String) {
    self.name = name
  }

  /// https://developer.apple.com/documentation/xctest/xctactivity/add(_:)
  public func add(_ attachment: XCTAttachment) {
    attachments.append(attachment)
  }
}

/// The shim's own: what the tests of this process have left.
@MainActor
public enum Recorded {
  /// All activities so far.
  public static var activities: [RecordedActivity] = []
  /// What was attached to tests themselves.
  public static var attachments: [XCTAttachment] = []
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
    Recorded.attachments.append(attachment)
  }

  /// https://developer.apple.com/documentation/xctest/xctestcase/measure(metrics:options:block:)
  ///
  /// Runs the block as often as asked, and measures nothing.
  public func measure(metrics: [any XCTMetric], options: XCTMeasureOptions, block: () -> Void) {
    for _ in 0..<options.iterationCount {
      block()
    }
  }
}
