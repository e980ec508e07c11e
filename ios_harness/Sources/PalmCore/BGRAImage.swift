// A picture that owns its pixels, without padding: for fixtures and tests.

import Foundation

/// 32-bit BGRA, rows from the top, no padding.
public struct BGRAImage: Equatable, Sendable {
  /// Width and height in pixels.
  public let size: ImageSize
  /// Four bytes per pixel: blue, green, red, alpha.
  public private(set) var bytes: [UInt8]

  /// A picture with the given bytes.
  ///
  /// Throws ``PalmError/invalidImage(_:)`` if their number does not match the size.
  public init(size: ImageSize, bytes: [UInt8]) throws {
    guard size.width > 0, size.height > 0, bytes.count == 4 * size.width * size.height else {
      throw PalmError.invalidImage(
        "\(bytes.count) bytes do not hold \(size.width) × \(size.height) BGRA pixels")
    }
    self.size = size
    self.bytes = bytes
  }

  /// `region` drawn as a picture of `target` pixels, and its letterbox there.
  ///
  /// Throws ``PalmError/invalidRegion(_:)`` if the region is empty.
  public func cropped(
    to region: PixelRegion, target: ImageSize, border: Border
  ) throws -> (image: BGRAImage, letterbox: Letterbox) {
    let (grown, letterbox) = try region.padded(to: target)
    var pixels = [UInt8](repeating: 0, count: 4 * target.width * target.height)
    try bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      let view = try PixelView(base: base, size: size, bytesPerRow: 4 * size.width)
      try pixels.withUnsafeMutableBytes { out in
        guard let out = out.baseAddress else { return }
        try warp(
          view, region: grown, border: border, into: out, targetSize: target,
          targetBytesPerRow: 4 * target.width)
      }
    }
    return (try BGRAImage(size: target, bytes: pixels), letterbox)
  }

  /// The whole picture, letterboxed.
  ///
  /// Throws as ``cropped(to:target:border:)`` does.
  public func letterboxed(
    to target: ImageSize
  ) throws -> (image: BGRAImage, letterbox: Letterbox) {
    try cropped(to: PixelRegion(image: size), target: target, border: .black)
  }
}
