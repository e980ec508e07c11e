// A model's output as float32 in row-major order, from any type and strides.
//
// The Neural Engine pads rows, so this reads values by stride; it widens float16 outputs.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  /// One output.
  public struct OutputTensor: Equatable, Sendable {
    /// Sizes of the axes, slowest first.
    public var shape: [Int]
    /// Values in row-major order.
    public var values: [Float]
    /// Its original type and strides.
    public var facts: PortFacts
  }

  extension OutputTensor {
    /// Reads the output `name`. `declared` is its description in the model.
    ///
    /// Throws `PalmError.invalidTensor` if type or shape differ from the
    /// declaration, the type is not supported, or strides lead beyond the memory.
    public init(
      _ array: MLMultiArray, name: String, declared: MLMultiArrayConstraint? = nil
    ) throws {
      let shape = array.shape.map(\.intValue)
      let strides = array.strides.map(\.intValue)
      let type = try ElementType(array.dataType, name: name)
      if let declared {
        try Self.check(array, shape, declared, name)
      }
      self.shape = shape
      facts = PortFacts(name: name, dtype: type.rawValue, shape: shape, strides: strides)
      values = try array.withUnsafeBytes { raw in
        try type.read(raw, shape: shape, strides: strides, name: name)
      }
    }

    private static func check(
      _ array: MLMultiArray, _ shape: [Int], _ declared: MLMultiArrayConstraint, _ name: String
    ) throws {
      guard array.dataType == declared.dataType else {
        let type = try ElementType(declared.dataType, name: name).rawValue
        let found = (try? ElementType(array.dataType, name: name).rawValue) ?? "another type"
        throw PalmError.invalidTensor(
          "output \(name) is \(found), the model declares \(type); convert the model again")
      }
      let expected = declared.shape.map(\.intValue)
      guard expected.isEmpty || shape == expected else {
        throw PalmError.invalidTensor(
          "output \(name) has shape \(shape), the model declares \(expected); convert the model "
            + "again")
      }
    }
  }

  /// The supported element types.
  enum ElementType: String {
    case float16, float32, float64, int32

    init(_ type: MLMultiArrayDataType, name: String) throws {
      switch type {
      case .float16: self = .float16
      case .float32: self = .float32
      case .double: self = .float64
      case .int32: self = .int32
      default:
        throw PalmError.invalidTensor(
          "output \(name) has element type \(type.rawValue), expected float16 or float32; convert "
            + "the model with blazepalm")
      }
    }

    private var bytes: Int {
      switch self {
      case .float16: 2
      case .float32, .int32: 4
      case .float64: 8
      }
    }

    func read(
      _ raw: UnsafeRawBufferPointer, shape: [Int], strides: [Int], name: String
    ) throws -> [Float] {
      let count = shape.reduce(1, *)
      guard count > 0, shape.count == strides.count else { return [] }
      let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      guard strides.allSatisfy({ $0 >= 0 }), (last + 1) * bytes <= raw.count else {
        throw PalmError.invalidTensor(
          "output \(name) of shape \(shape) and strides \(strides) needs more than its \(raw.count) "
            + "bytes; it is truncated")
      }
      if self == .float32, isPacked(shape, strides) {
        return [Float](unsafeUninitializedCapacity: count) { values, filled in
          UnsafeMutableRawBufferPointer(values).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: raw[..<(4 * count)]))
          filled = count
        }
      }
      var values: [Float] = []
      values.reserveCapacity(count)
      var index = [Int](repeating: 0, count: shape.count)
      let width = shape[shape.count - 1]
      let step = strides[strides.count - 1]
      while true {
        let start = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
        for column in 0..<width {
          values.append(value(raw, start + column * step))
        }
        var axis = shape.count - 2
        while axis >= 0 {
          index[axis] += 1
          if index[axis] < shape[axis] { break }
          index[axis] = 0
          axis -= 1
        }
        if axis < 0 { return values }
      }
    }

    private func isPacked(_ shape: [Int], _ strides: [Int]) -> Bool {
      var step = 1
      for (size, stride) in zip(shape, strides).reversed() {
        guard size == 1 || stride == step else { return false }
        step *= size
      }
      return true
    }

    @inline(__always)
    private func value(_ raw: UnsafeRawBufferPointer, _ position: Int) -> Float {
      switch self {
      case .float16:
        float(half: raw.loadUnaligned(fromByteOffset: 2 * position, as: UInt16.self))
      case .float32: raw.loadUnaligned(fromByteOffset: 4 * position, as: Float.self)
      case .float64: Float(raw.loadUnaligned(fromByteOffset: 8 * position, as: Double.self))
      case .int32: Float(raw.loadUnaligned(fromByteOffset: 4 * position, as: Int32.self))
      }
    }
  }
#endif
