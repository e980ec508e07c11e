// Pictures of other formats become upright BGRA. Orientations: what Pillow's
// `ImageOps.exif_transpose` gives; colours: ITU-R's formulas on paper, rounded.

import PalmCore
import XCTest

final class PixelFormatTests: XCTestCase {
  func testOrientationsAreThoseOfEXIF() throws {
    // a picture 3 × 2 with the levels 0 … 5
    let stored: [UInt8] = (0..<6).flatMap { level -> [UInt8] in [level, 0, 0, 0] }
    let expected: [UInt32: [UInt8]] = [
      1: [0, 1, 2, 3, 4, 5], 2: [2, 1, 0, 5, 4, 3], 3: [5, 4, 3, 2, 1, 0], 4: [3, 4, 5, 0, 1, 2],
      5: [0, 3, 1, 4, 2, 5], 6: [3, 0, 4, 1, 5, 2], 7: [5, 2, 4, 1, 3, 0], 8: [2, 5, 1, 4, 0, 3],
    ]
    XCTAssertEqual(ImageOrientation.allCases.count, expected.count)
    for orientation in ImageOrientation.allCases {
      let upright = orientation.upright(ImageSize(width: 3, height: 2))
      let turned = orientation.rawValue >= 5
      XCTAssertEqual(upright, ImageSize(width: turned ? 2 : 3, height: turned ? 3 : 2))
      let pixels = try stored.withUnsafeBytes { bytes in
        let view = try PixelView(
          base: try XCTUnwrap(bytes.baseAddress), size: ImageSize(width: 3, height: 2),
          bytesPerRow: 12)
        return try written(.packed(view, .bgra), orientation, upright)
      }
      let blue = stride(from: 0, to: 24, by: 4).map { pixels[$0] }
      XCTAssertEqual(blue, expected[orientation.rawValue], "\(orientation)")
    }
  }

  func testByteOrders() throws {
    for (order, bytes) in [
      (ByteOrder.bgra, [1, 2, 3, 9]), (.rgba, [3, 2, 1, 9]), (.argb, [9, 3, 2, 1] as [UInt8]),
    ] {
      let pixel = try bytes.withUnsafeBytes {
        let view = try PixelView(
          base: try XCTUnwrap($0.baseAddress), size: ImageSize(width: 1, height: 1), bytesPerRow: 4)
        return try written(.packed(view, order), .up, view.size)
      }
      XCTAssertEqual(pixel, [1, 2, 3, 255])
    }
  }

  func testLumaAndChroma() throws {
    // 4 × 2 pixels in rows of 6 bytes; two pairs of Cb and Cr
    let luma: [UInt8] = [16, 235, 81, 145, 0, 0, 41, 128, 200, 60, 0, 0]
    let chroma: [UInt8] = [90, 240, 54, 34, 0, 0]
    let video601: [UInt8] = [
      0, 0, 179, 178, 179, 255, 0, 181, 0, 1, 255, 0,
      0, 0, 208, 54, 54, 255, 65, 255, 64, 0, 157, 0,
    ]
    let full709: [UInt8] = [
      0, 0, 192, 164, 190, 255, 0, 139, 0, 8, 203, 0,
      0, 0, 217, 57, 83, 255, 63, 255, 52, 0, 118, 0,
    ]
    let video2020: [UInt8] = [
      0, 0, 188, 174, 189, 255, 0, 151, 0, 0, 225, 0,
      0, 0, 217, 49, 65, 255, 56, 255, 56, 0, 126, 0,
    ]
    let cases: [(YCbCrMatrix, Bool, [UInt8])] = [
      (.bt601, false, video601), (.bt709, true, full709), (.bt2020, false, video2020),
    ]
    for (matrix, fullRange, expected) in cases {
      let pixels = try luma.withUnsafeBytes { luma in
        try chroma.withUnsafeBytes { chroma in
          let view = try BiPlanarView(
            luma: try XCTUnwrap(luma.baseAddress), lumaBytesPerRow: 6,
            chroma: try XCTUnwrap(chroma.baseAddress), chromaBytesPerRow: 6,
            size: ImageSize(width: 4, height: 2), matrix: matrix, fullRange: fullRange)
          return try written(.biPlanar(view), .up, view.size)
        }
      }
      let colours = pixels.enumerated().filter { $0.offset % 4 < 3 }.map(\.element)
      XCTAssertEqual(colours, expected, "\(matrix)")
    }
  }

  func testShortPlanesAreRefused() throws {
    let bytes = [UInt8](repeating: 0, count: 8)
    try bytes.withUnsafeBytes {
      let base = try XCTUnwrap($0.baseAddress)
      XCTAssertThrowsError(
        try BiPlanarView(
          luma: base, lumaBytesPerRow: 4, chroma: base, chromaBytesPerRow: 2,
          size: ImageSize(width: 3, height: 1), matrix: .bt601, fullRange: true)
      ) { XCTAssertTrue("\($0)".contains("4 and 2 bytes per row"), "\($0)") }
    }
  }

  private func written(
    _ view: PictureView, _ orientation: ImageOrientation, _ size: ImageSize
  ) throws -> [UInt8] {
    var pixels = [UInt8](repeating: 7, count: 4 * size.width * size.height)
    try pixels.withUnsafeMutableBytes {
      view.writeUpright(
        orientation, to: try XCTUnwrap($0.baseAddress), bytesPerRow: 4 * size.width)
    }
    return pixels
  }
}
