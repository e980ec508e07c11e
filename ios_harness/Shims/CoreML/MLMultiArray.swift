// Stand-ins for Core ML on Linux: only what PalmKit uses, so that it compiles and runs without
// Apple's SDK. Each declaration cites its documentation page.

import Foundation

/// https://developer.apple.com/documentation/coreml/mlmultiarraydatatype
public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
  case int8 = 131080

  /// Bytes per value; only in the shim.
  var bytes: Int {
    switch self {
    case .double: 8
    case .float32, .int32: 4
    case .float16: 2
    case .int8: 1
    }
  }
}

/// https://developer.apple.com/documentation/coreml/mlmultiarray
public final class MLMultiArray {
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/shape
  public let shape: [NSNumber]
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/strides
  public let strides: [NSNumber]
  /// https://developer.apple.com/documentation/coreml/mlmultiarray/datatype
  public let dataType: MLMultiArrayDataType
  private var storage: [UInt8]

  /// https://developer.apple.com/documentation/coreml/mlmultiarray/count
  public var count: Int { shape.map(\.intValue).reduce(1, *) }

  /// https://developer.apple.com/documentation/coreml/mlmultiarray/init(shape:datatype:)
  public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
    let sizes = shape.map(\.intValue)
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * sizes[axis + 1]
    }
    let bytes = [UInt8](repeating: 0, count: sizes.reduce(1, *) * dataType.bytes)
    self.init(shape: sizes, strides: strides, dataType: dataType, storage: bytes)
  }

  /// https://developer.apple.com/documentation/coreml/mlmultiarray/init(datapointer:shape:datatype:strides:deallocator:)
  ///
  /// The shim copies the memory, as far as the last element reaches.
  public convenience init(
    dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType,
    strides: [NSNumber], deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
  ) throws {
    let (sizes, steps) = (shape.map(\.intValue), strides.map(\.intValue))
    let last = zip(sizes, steps).reduce(0) { $0 + max($1.0 - 1, 0) * $1.1 }
    let memory = UnsafeRawBufferPointer(start: dataPointer, count: (last + 1) * dataType.bytes)
    self.init(shape: sizes, strides: steps, dataType: dataType, storage: Array(memory))
    deallocator?(dataPointer)
  }

  /// An array over given bytes, which may be too few.
  init(shape: [Int], strides: [Int], dataType: MLMultiArrayDataType, storage: [UInt8]) {
    self.shape = shape.map { NSNumber(value: $0) }
    self.strides = strides.map { NSNumber(value: $0) }
    self.dataType = dataType
    self.storage = storage
  }

  /// https://developer.apple.com/documentation/coreml/mlmultiarray/withunsafebytes(_:)
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try storage.withUnsafeBytes(body)
  }
}
