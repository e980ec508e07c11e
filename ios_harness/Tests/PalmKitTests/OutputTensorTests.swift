// Outputs are read by stride and type; the bytes contain the expected values.

#if canImport(CoreML)
  import CoreML
  import PalmCore
  import XCTest

  @testable import PalmKit

  final class OutputTensorTests: XCTestCase {
    private func bytes(_ values: [Float]) -> [UInt8] { [UInt8](littleEndianBytes(values)) }

    /// An array over a copy of `bytes`, by Core ML's own initialiser.
    private func array(
      shape: [Int], strides: [Int], _ type: MLMultiArrayDataType, _ bytes: [UInt8]
    ) throws -> MLMultiArray {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
      memory.copyBytes(from: bytes)
      return try MLMultiArray(
        dataPointer: try XCTUnwrap(memory.baseAddress), shape: shape.map { NSNumber(value: $0) },
        dataType: type, strides: strides.map { NSNumber(value: $0) },
        deallocator: { $0.deallocate() })
    }

    private func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      XCTFail("no error")
      return ""
    }

    func testPackedFloat32() throws {
      let array = try array(
        shape: [2, 3], strides: [3, 1], .float32, bytes([1, 2, 3, 4, 5, 6]))
      let tensor = try OutputTensor(array, name: "t")
      XCTAssertEqual(tensor.values, [1, 2, 3, 4, 5, 6])
      XCTAssertEqual(
        tensor.facts, PortFacts(name: "t", dtype: "float32", shape: [2, 3], strides: [3, 1]))
    }

    func testPaddedRowsAreSkipped() throws {
      let array = try array(
        shape: [2, 2, 2], strides: [16, 8, 1], .float32,
        bytes((0..<32).map { Float($0) }))
      XCTAssertEqual(try OutputTensor(array, name: "t").values, [0, 1, 8, 9, 16, 17, 24, 25])
    }

    func testLastElementNeedNotBePadded() throws {
      let array = try array(
        shape: [2, 2], strides: [8, 1], .float32,
        bytes((0..<10).map { Float($0) }))
      XCTAssertEqual(try OutputTensor(array, name: "t").values, [0, 1, 8, 9])
    }

    func testTransposedStrides() throws {
      let array = try array(
        shape: [2, 3], strides: [1, 2], .float32, bytes([1, 4, 2, 5, 3, 6]))
      XCTAssertEqual(try OutputTensor(array, name: "t").values, [1, 2, 3, 4, 5, 6])
    }

    func testFloat16WithPadding() throws {
      // 1, −2, padding, padding; 0.5, 65504
      let halves: [UInt16] = [0x3C00, 0xC000, 0x7E00, 0x7E00, 0x3800, 0x7BFF]
      let storage = halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      let array = try array(
        shape: [2, 2], strides: [4, 1], .float16, storage)
      let tensor = try OutputTensor(array, name: "t")
      XCTAssertEqual(tensor.values, [1, -2, 0.5, 65504])
      XCTAssertEqual(tensor.facts.dtype, "float16")
    }

    func testDoubleAndInt32() throws {
      let double = try array(
        shape: [1], strides: [1], .double,
        withUnsafeBytes(of: (0.25).bitPattern.littleEndian) { Array($0) })
      XCTAssertEqual(try OutputTensor(double, name: "t").values, [0.25])
      let whole = try array(
        shape: [1], strides: [1], .int32,
        withUnsafeBytes(of: Int32(-7).littleEndian) { Array($0) })
      XCTAssertEqual(try OutputTensor(whole, name: "t").values, [-7])
    }

    func testAnEmptyArray() throws {
      let array = try MLMultiArray(shape: [0, 4], dataType: .float32)
      XCTAssertEqual(try OutputTensor(array, name: "t").values, [])
    }

    func testTruncatedMemoryIsRefused() {
      let text = message {
        _ = try bytes([1, 2, 3]).withUnsafeBytes {
          try ElementType.float32.read($0, shape: [2, 3], strides: [3, 1], name: "boxes")
        }
      }
      XCTAssertTrue(text.contains("boxes") && text.contains("truncated"), text)
    }

    func testAnUnknownTypeIsRefused() throws {
      let array = try array(shape: [1], strides: [1], .int8, [1])
      let text = message { _ = try OutputTensor(array, name: "boxes") }
      XCTAssertTrue(text.contains("float16 or float32"), text)
    }
  }
#endif
