// Faults that a replay can plant in every output, to test that the gate can fail. A module of its
// own: what Core ML's stand-in exports has to be Apple's alone.

import Foundation

/// One kind of damage. `BLAZEPALM_IOS_FAULT=shifted` plants it for a whole test run.
public enum ReplayFault: String, CaseIterable, Sendable {
  /// No damage.
  case none
  /// Not a fault: rows are padded, with matching strides.
  case honestPadding
  /// Each row holds the values of the previous one.
  case shifted
  /// Rows and columns are swapped, with the correct shape.
  case transposed
  /// One value is NaN.
  case nan
  /// Values are int32 although the model declares float32.
  case wrongDtype
  /// The outputs are missing.
  case missingOutput
  /// Rows are padded, without matching strides.
  case paddedRows
  /// The outputs of another record.
  case otherCase
  /// Half of the bytes are missing.
  case truncated
  /// All values are the same.
  case constant
  /// There is one row too many.
  case wrongShape

  /// The fault named by `BLAZEPALM_IOS_FAULT`, or set by a test.
  nonisolated(unsafe) public static var current: ReplayFault = {
    let name = ProcessInfo.processInfo.environment["BLAZEPALM_IOS_FAULT"] ?? "none"
    guard let fault = ReplayFault(rawValue: name) else {
      fatalError("BLAZEPALM_IOS_FAULT=\(name) is unknown; use one of \(allCases)")
    }
    return fault
  }()

  /// One recorded output.
  public typealias Values = (shape: [Int], values: [Float])

  /// The array that the model returns for `output`; nil if it returns none. `other` is the same
  /// output of another record.
  public func apply(_ output: Values, other: Values?) -> ReplayedArray? {
    let (shape, values) = output
    let width = shape.last ?? 1
    switch self {
    case .none: return array(shape, values)
    case .honestPadding: return padded(shape, values, honest: true)
    case .paddedRows: return padded(shape, values, honest: false)
    case .shifted:
      // shift by one row, or by one value if there is a single row
      let by = width < values.count ? width : 1
      return array(shape, (values.suffix(by) + values).prefix(values.count))
    case .transposed: return array(shape, transposed(values, width))
    case .nan: return array(shape, [.nan] + values.dropFirst())
    case .wrongDtype:
      let bytes = values.flatMap { withUnsafeBytes(of: Int32($0 * 100).littleEndian, Array.init) }
      return ReplayedArray(
        shape: shape, strides: packedStrides(shape), isInteger: true, bytes: bytes)
    case .missingOutput: return nil
    case .otherCase: return other.map { array($0.shape, $0.values) }
    case .truncated:
      return ReplayedArray(
        shape: shape, strides: packedStrides(shape),
        bytes: Array(bytes(values).prefix(2 * values.count)))
    case .constant: return array(shape, [Float](repeating: 0.25, count: values.count))
    case .wrongShape:
      let longer = [shape[0] + 1] + shape.dropFirst()
      let row = values.count / max(shape[0], 1)
      return array(longer, values + values.suffix(row))
    }
  }

  private func array(_ shape: [Int], _ values: some Sequence<Float>) -> ReplayedArray {
    ReplayedArray(shape: shape, strides: packedStrides(shape), bytes: bytes(Array(values)))
  }

  private func padded(_ shape: [Int], _ values: [Float], honest: Bool) -> ReplayedArray {
    let width = shape.last ?? 1
    let row = (width + 15) / 16 * 16 + 16
    var spaced: [Float] = []
    for start in stride(from: 0, to: values.count, by: width) {
      spaced += values[start..<start + width]
      spaced += [Float](repeating: -7, count: row - width)
    }
    var strides = packedStrides(shape)
    if honest {
      for axis in 0..<max(strides.count - 1, 0) {
        strides[axis] = strides[axis] / width * row
      }
    }
    return ReplayedArray(shape: shape, strides: strides, bytes: bytes(spaced))
  }

  private func transposed(_ values: [Float], _ width: Int) -> [Float] {
    let rows = values.count / width
    return (0..<width).flatMap { column in (0..<rows).map { values[$0 * width + column] } }
  }

  private func packedStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }

  private func bytes(_ values: [Float]) -> [UInt8] {
    values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }
}

/// What a replayed model returns: bytes, and what it says of them.
public struct ReplayedArray {
  /// Sizes of the axes, slowest first.
  public var shape: [Int]
  /// Elements from one index of an axis to the next.
  public var strides: [Int]
  /// Whether the elements are int32; otherwise they are float32.
  public var isInteger = false
  /// The memory, which a fault may cut short.
  public var bytes: [UInt8]
}
