// Warping of pictures whose result is known independently.

import PalmCore
import XCTest

final class PixelTests: XCTestCase {
  private func picture(_ width: Int, _ height: Int) throws -> BGRAImage {
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        bytes += [UInt8(x * 7 % 256), UInt8(y * 11 % 256), UInt8((x + y) * 5 % 256), 255]
      }
    }
    return try BGRAImage(size: ImageSize(width: width, height: height), bytes: bytes)
  }

  private func pixel(_ image: BGRAImage, _ x: Int, _ y: Int) -> [UInt8] {
    let start = 4 * (y * image.size.width + x)
    return Array(image.bytes[start..<start + 4])
  }

  func testASquarePictureIsItself() throws {
    let image = try picture(20, 20)
    let (found, box) = try image.letterboxed(to: image.size)
    XCTAssertEqual(found, image)
    XCTAssertEqual(box, Letterbox(left: 0, top: 0))
  }

  func testBlackAboveAndBelow() throws {
    let image = try picture(20, 10)
    let (found, _) = try image.letterboxed(to: ImageSize(width: 20, height: 20))
    XCTAssertEqual(pixel(found, 3, 2), [0, 0, 0, 255])
    XCTAssertEqual(pixel(found, 3, 19), [0, 0, 0, 255])
    for y in 0..<10 {
      XCTAssertEqual(pixel(found, 3, y + 5), pixel(image, 3, y))
    }
  }

  func testAQuarterTurn() throws {
    // rotated by +90°: the crop's top is the picture's right
    let image = try picture(16, 16)
    let region = PixelRegion(center: SIMD2(8, 8), size: SIMD2(16, 16), rotation: .pi / 2)
    let (found, _) = try image.cropped(to: region, target: image.size, border: .repeated)
    for y in 1..<16 {
      for x in 0..<16 {
        // crop (x, y) reads image (16 − y, x)
        XCTAssertEqual(pixel(found, x, y), pixel(image, 16 - y, x))
      }
    }
  }

  func testEdgesRepeat() throws {
    let image = try picture(8, 8)
    let region = PixelRegion(center: SIMD2(0, 0), size: SIMD2(16, 16), rotation: 0)
    let (found, _) = try image.cropped(
      to: region, target: ImageSize(width: 16, height: 16), border: .repeated)
    XCTAssertEqual(pixel(found, 0, 0), pixel(image, 0, 0))
    XCTAssertEqual(pixel(found, 12, 3), pixel(image, 4, 0))
  }

  func testHalfwayIsTheMeanRoundedUp() throws {
    let bytes: [UInt8] = [10, 0, 0, 255, 21, 0, 0, 255]
    let image = try BGRAImage(size: ImageSize(width: 2, height: 1), bytes: bytes)
    let region = PixelRegion(center: SIMD2(1, 0.5), size: SIMD2(1, 1), rotation: 0)
    let (found, _) = try image.cropped(
      to: region, target: ImageSize(width: 1, height: 1), border: .repeated)
    XCTAssertEqual(found.bytes[0], 16)  // 15.5
  }

  func testPaddedRowsAreSkipped() throws {
    let image = try picture(6, 6)
    var padded: [UInt8] = []
    for y in 0..<6 {
      padded += image.bytes[24 * y..<24 * (y + 1)] + [UInt8](repeating: 99, count: 8)
    }
    var out = [UInt8](repeating: 0, count: 6 * 40)
    try padded.withUnsafeBytes { source in
      let view = try PixelView(
        base: XCTUnwrap(source.baseAddress), size: image.size, bytesPerRow: 32)
      try out.withUnsafeMutableBytes { target in
        try warp(
          view, region: PixelRegion(image: image.size), border: .black,
          into: XCTUnwrap(target.baseAddress), targetSize: image.size, targetBytesPerRow: 40)
      }
    }
    for y in 0..<6 {
      XCTAssertEqual(Array(out[40 * y..<40 * y + 24]), Array(image.bytes[24 * y..<24 * (y + 1)]))
      XCTAssertEqual(Array(out[40 * y + 24..<40 * (y + 1)]), [UInt8](repeating: 0, count: 16))
    }
  }

  func testImpossiblePicturesAreRefused() {
    XCTAssertTrue(
      errorMessage { _ = try BGRAImage(size: ImageSize(width: 2, height: 2), bytes: [1]) }
        .contains("2 × 2"))
    var byte: UInt8 = 0
    withUnsafeBytes(of: &byte) { raw in
      let size = ImageSize(width: 40000, height: 1)
      XCTAssertTrue(
        errorMessage {
          _ = try PixelView(base: raw.baseAddress!, size: size, bytesPerRow: 160_000)
        }.contains("32766"))
    }
  }
}
