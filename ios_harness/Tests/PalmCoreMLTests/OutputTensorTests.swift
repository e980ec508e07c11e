// Outputs are read by stride and type; the bytes contain the expected values.

import CoreML
import PalmCore
import PalmCoreML
import XCTest

final class OutputTensorTests: XCTestCase {
  private func bytes(_ values: [Float]) -> [UInt8] { [UInt8](littleEndianBytes(values)) }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    XCTFail("no error")
    return ""
  }

  func testPackedFloat32() throws {
    let array = MLMultiArray(
      shape: [2, 3], strides: [3, 1], dataType: .float32, storage: bytes([1, 2, 3, 4, 5, 6]))
    let tensor = try OutputTensor(array, name: "t")
    XCTAssertEqual(tensor.values, [1, 2, 3, 4, 5, 6])
    XCTAssertEqual(
      tensor.facts, PortFacts(name: "t", dtype: "float32", shape: [2, 3], strides: [3, 1]))
  }

  func testPaddedRowsAreSkipped() throws {
    let array = MLMultiArray(
      shape: [2, 2, 2], strides: [16, 8, 1], dataType: .float32,
      storage: bytes((0..<32).map { Float($0) }))
    XCTAssertEqual(try OutputTensor(array, name: "t").values, [0, 1, 8, 9, 16, 17, 24, 25])
  }

  func testLastElementNeedNotBePadded() throws {
    let array = MLMultiArray(
      shape: [2, 2], strides: [8, 1], dataType: .float32,
      storage: bytes((0..<10).map { Float($0) }))
    XCTAssertEqual(try OutputTensor(array, name: "t").values, [0, 1, 8, 9])
  }

  func testTransposedStrides() throws {
    let array = MLMultiArray(
      shape: [2, 3], strides: [1, 2], dataType: .float32, storage: bytes([1, 4, 2, 5, 3, 6]))
    XCTAssertEqual(try OutputTensor(array, name: "t").values, [1, 2, 3, 4, 5, 6])
  }

  func testFloat16WithPadding() throws {
    // 1, −2, padding, padding; 0.5, 65504
    let halves: [UInt16] = [0x3C00, 0xC000, 0x7E00, 0x7E00, 0x3800, 0x7BFF]
    let storage = halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    let array = MLMultiArray(
      shape: [2, 2], strides: [4, 1], dataType: .float16, storage: storage)
    let tensor = try OutputTensor(array, name: "t")
    XCTAssertEqual(tensor.values, [1, -2, 0.5, 65504])
    XCTAssertEqual(tensor.facts.dtype, "float16")
  }

  func testDoubleAndInt32() throws {
    let double = MLMultiArray(
      shape: [1], strides: [1], dataType: .double,
      storage: withUnsafeBytes(of: (0.25).bitPattern.littleEndian) { Array($0) })
    XCTAssertEqual(try OutputTensor(double, name: "t").values, [0.25])
    let whole = MLMultiArray(
      shape: [1], strides: [1], dataType: .int32,
      storage: withUnsafeBytes(of: Int32(-7).littleEndian) { Array($0) })
    XCTAssertEqual(try OutputTensor(whole, name: "t").values, [-7])
  }

  func testAnEmptyArray() throws {
    let array = try MLMultiArray(shape: [0, 4], dataType: .float32)
    XCTAssertEqual(try OutputTensor(array, name: "t").values, [])
  }

  func testTruncatedMemoryIsRefused() {
    let array = MLMultiArray(
      shape: [2, 3], strides: [3, 1], dataType: .float32, storage: bytes([1, 2, 3]))
    let text = message { _ = try OutputTensor(array, name: "boxes") }
    XCTAssertTrue(text.contains("boxes") && text.contains("truncated"), text)
  }

  func testAnUnknownTypeIsRefused() {
    let array = MLMultiArray(shape: [1], strides: [1], dataType: .int8, storage: [1])
    let text = message { _ = try OutputTensor(array, name: "boxes") }
    XCTAssertTrue(text.contains("float16 or float32"), text)
  }
}
