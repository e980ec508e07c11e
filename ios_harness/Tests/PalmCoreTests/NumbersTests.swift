// Digests, float16, percentiles, comparisons: checked against published values and paper.

import PalmCore
import XCTest

final class NumbersTests: XCTestCase {
  func testSHA256OfPublishedVectors() {
    // FIPS 180-4 examples
    XCTAssertEqual(
      SHA256Digest.hex(of: Data()),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    XCTAssertEqual(
      SHA256Digest.hex(of: Data("abc".utf8)),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    XCTAssertEqual(
      SHA256Digest.hex(of: Data("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    var digest = SHA256Digest()
    for _ in 0..<1000 {
      digest.update([UInt8](repeating: 0x61, count: 1000))
    }
    XCTAssertEqual(
      digest.finish(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  func testSHA256AtEveryPaddingLength() {
    // one update or many, at lengths around the block size
    for length in 54...130 {
      let bytes = (0..<length).map { UInt8($0 & 255) }
      var digest = SHA256Digest()
      for byte in bytes {
        digest.update([byte])
      }
      XCTAssertEqual(digest.finish(), SHA256Digest.hex(of: bytes), "\(length)")
    }
  }

  func testFloat16Bits() {
    for (bits, value) in [
      (0x0000, 0), (0x3C00, 1), (0xC000, -2), (0x7BFF, 65504), (0x0001, 0x1p-24),
      (0x03FF, 1023 * 0x1p-24), (0x0400, 0x1p-14), (0x3555, 0.333_251_953_125),
      (0xFC00, -Float.infinity),
    ] as [(UInt16, Float)] {
      XCTAssertEqual(float(half: bits), value)
    }
    XCTAssertTrue(float(half: 0x7E00).isNaN)
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      for bits in stride(from: UInt16(0), through: 0xFFFF - 7, by: 7) {
        let expected = Float(Float16(bitPattern: bits))
        XCTAssertTrue(float(half: bits) == expected || expected.isNaN && float(half: bits).isNaN)
      }
    #endif
  }

  func testPercentilesInterpolate() {
    let samples = [40.0, 10, 20, 30]
    XCTAssertEqual(percentile(samples, 0), 10)
    XCTAssertEqual(percentile(samples, 50), 25)
    XCTAssertEqual(try XCTUnwrap(percentile(samples, 90)), 37, accuracy: 1e-12)
    XCTAssertEqual(percentile(samples, 100), 40)
    XCTAssertEqual(percentile([7], 99), 7)
    XCTAssertNil(percentile([], 50))
    XCTAssertEqual(milliseconds(1_500_000), 1.5)
  }

  func testComparisonCountsWhatIsNotFinite() throws {
    let found = try TensorComparison(
      reference: [1, 2, 3, 4], candidate: [1.5, .nan, 3, -.infinity])
    XCTAssertEqual(found.count, 4)
    XCTAssertEqual(found.maximumError, 0.5)
    XCTAssertEqual(found.nonFinite, 2)
    XCTAssertFalse(found.isConstant)
    XCTAssertTrue(try TensorComparison(reference: [1, 2], candidate: [3, 3]).isConstant)
    XCTAssertNil(try TensorComparison(reference: [1], candidate: [.nan]).maximumError)
  }

  func testComparingNothingOrOtherCountsFails() {
    XCTAssertTrue(
      errorMessage { _ = try TensorComparison(reference: [], candidate: []) }.contains("0 values"))
    XCTAssertTrue(
      errorMessage { _ = try TensorComparison(reference: [1, 2], candidate: [1]) }.contains("2"))
  }

  func testHandsArePairedByOverlapNotByOrder() {
    func hand(_ x: Float) -> [SIMD3<Float>] {
      [SIMD3(x, 0.2, 0), SIMD3(x + 0.1, 0.4, 0)]
    }
    let found = HandComparison(expected: [hand(0.1), hand(0.6)], found: [hand(0.601), hand(0.1)])
    XCTAssertEqual(found.expected, 2)
    XCTAssertEqual(found.found, 2)
    XCTAssertEqual(try XCTUnwrap(found.landmarkErrorMaximum), 0.001, accuracy: 1e-6)
    XCTAssertEqual(try XCTUnwrap(found.boxIoUMinimum), 0.099 / 0.101, accuracy: 1e-4)
    let none = HandComparison(expected: [hand(0.1)], found: [])
    XCTAssertNil(none.boxIoUMinimum)
    XCTAssertNil(none.landmarkErrorMaximum)
    let extra = HandComparison(expected: [hand(0.6)], found: [hand(0.1), hand(0.6), hand(0.3)])
    XCTAssertEqual(extra.landmarkErrorMaximum, 0)
  }

  func testLittleEndianRoundTrip() {
    let values: [Float] = [0, -1.5, .infinity, 3.25e-20]
    XCTAssertEqual(floats(littleEndian: [UInt8](littleEndianBytes(values))), values)
    XCTAssertEqual([UInt8](littleEndianBytes([1])), [0, 0, 0x80, 0x3F])
    XCTAssertEqual(points(packed: [1, 2, 3, 4, 5, 6]), [SIMD3(1, 2, 3), SIMD3(4, 5, 6)])
  }
}
