// What the device's tests use of XCTest beyond Linux's, as Apple's documentation declares it.
// Nothing runs.

import Foundation
import XCTest

/// https://developer.apple.com/documentation/xctest/xctattachment
public final class XCTAttachment: NSObject {
  /// https://developer.apple.com/documentation/xctest/xctattachment/lifetime-swift.enum
  public enum Lifetime: Int {
    case keepAlways = 0
    case deleteOnSuccess = 1
  }
  /// https://developer.apple.com/documentation/xctest/xctattachment/name
  public var name: String?
  /// https://developer.apple.com/documentation/xctest/xctattachment/lifetime-swift.property
  public var lifetime = Lifetime.deleteOnSuccess
  /// https://developer.apple.com/documentation/xctest/xctattachment/init(data:uniformtypeidentifier:)
  public convenience init(data: Data, uniformTypeIdentifier: String) { fatalError() }
}

/// https://developer.apple.com/documentation/xctest/xctactivity
public protocol XCTActivity {
  /// https://developer.apple.com/documentation/xctest/xctactivity/name
  var name: String { get }
  /// https://developer.apple.com/documentation/xctest/xctactivity/add(_:)
  @MainActor func add(_ attachment: XCTAttachment)
}

/// https://developer.apple.com/documentation/xctest/xctcontext
public class XCTContext: NSObject {
  /// https://developer.apple.com/documentation/xctest/xctcontext/runactivity(named:block:)
  @MainActor
  public class func runActivity<Result>(
    named name: String, block: @MainActor (any XCTActivity) throws -> Result
  ) rethrows -> Result { fatalError() }
}

/// https://developer.apple.com/documentation/xctest/xctmetric
public protocol XCTMetric {}
/// https://developer.apple.com/documentation/xctest/xctclockmetric
public class XCTClockMetric: NSObject, XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctclockmetric/init()
  public override init() {}
}
/// https://developer.apple.com/documentation/xctest/xctmemorymetric
public class XCTMemoryMetric: NSObject, XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctmemorymetric/init()
  public override init() {}
}
/// https://developer.apple.com/documentation/xctest/xctcpumetric
public class XCTCPUMetric: NSObject, XCTMetric {
  /// https://developer.apple.com/documentation/xctest/xctcpumetric/init()
  public override init() {}
}

/// https://developer.apple.com/documentation/xctest/xctmeasureoptions
public class XCTMeasureOptions: NSObject {
  /// https://developer.apple.com/documentation/xctest/xctmeasureoptions/init()
  public override init() {}
  /// https://developer.apple.com/documentation/xctest/xctmeasureoptions/iterationcount
  public var iterationCount: Int {
    get { fatalError() }
    set { fatalError() }
  }
}

extension XCTestCase {
  /// https://developer.apple.com/documentation/xctest/xctestcase/add(_:)
  @MainActor
  public func add(_ attachment: XCTAttachment) { fatalError() }
  /// https://developer.apple.com/documentation/xctest/xctestcase/measure(metrics:options:block:)
  public func measure(metrics: [any XCTMetric], options: XCTMeasureOptions, block: () -> Void) {
    fatalError()
  }
}
