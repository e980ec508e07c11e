// Draws a rotated rectangle of a BGRA picture into a network's BGRA input.
//
// Bilinear, as OpenCV 4 warps for MediaPipe: positions rounded to 1/32 pixel, weights in fixed
// point, results rounded to whole levels; pixel (j, i) of the crop reads the position of
// corner (j, i), with no half-pixel shift. Source: warpPerspective and remapBilinear of OpenCV 4
// (modules/imgproc/src/imgwarp.cpp). Alpha becomes opaque.

/// What to read beyond the picture.
public enum Border: Sendable {
  /// Black, for a letterboxed picture.
  case black
  /// The nearest pixel of the picture, for a hand's crop.
  case repeated
}

/// Pixels in memory, four bytes each: blue, green, red, alpha. Rows may be padded.
public struct PixelView {
  /// The first byte of the first row.
  public let base: UnsafeRawPointer
  /// Width and height in pixels.
  public let size: ImageSize
  /// Bytes from one row to the next.
  public let bytesPerRow: Int

  /// A view of `size` pixels at `base`.
  ///
  /// Throws ``PalmError/invalidImage(_:)`` if the size is empty or over 32766 pixels a side, or
  /// rows are shorter than their pixels.
  public init(base: UnsafeRawPointer, size: ImageSize, bytesPerRow: Int) throws {
    guard (1...32766).contains(size.width), (1...32766).contains(size.height),
      bytesPerRow >= 4 * size.width
    else {
      throw PalmError.invalidImage(
        "a picture of \(size.width) × \(size.height) pixels with \(bytesPerRow) bytes per row "
          + "cannot be read; give 32-bit BGRA of at most 32766 pixels a side")
    }
    self.base = base
    self.size = size
    self.bytesPerRow = bytesPerRow
  }
}

/// Draws `region` of `source` into `target`, `targetSize` pixels with `targetBytesPerRow` bytes
/// per row.
///
/// Throws ``PalmError/invalidRegion(_:)`` if the region is empty.
public func warp(
  _ source: PixelView, region: PixelRegion, border: Border, into target: UnsafeMutableRawPointer,
  targetSize: ImageSize, targetBytesPerRow: Int
) throws {
  let m = try PerspectiveTransform(region: region, target: targetSize).m
  // OpenCV works in blocks of at most 16 rows and 1024 pixels, and sums from a block's left edge
  let block = min(1024 / min(16, targetSize.height), targetSize.width)
  let sampler = Sampler(source: source, border: border)
  for row in 0..<targetSize.height {
    let y = Double(row)
    var out = (target + row * targetBytesPerRow).assumingMemoryBound(to: UInt8.self)
    var start = 0
    while start < targetSize.width {
      let x = Double(start)
      let x0 = m[0] * x + m[1] * y + m[2]
      let y0 = m[3] * x + m[4] * y + m[5]
      let w0 = m[6] * x + m[7] * y + m[8]
      for column in 0..<min(block, targetSize.width - start) {
        let within = Double(column)
        let w = w0 + m[6] * within
        let scale = w != 0 ? 32 / w : 0
        sampler.sample(
          rounded((x0 + m[0] * within) * scale), rounded((y0 + m[3] * within) * scale), out)
        out += 4
      }
      start += block
    }
  }
}

/// Rounds to the nearest integer, ties to even, clamped to Int32.
@inline(__always)
private func rounded(_ value: Double) -> Int {
  let limit = 2_147_483_392.0
  return Int(max(-limit, min(limit, value)).rounded(.toNearestOrEven))
}

private struct Sampler {
  let base: UnsafePointer<UInt8>
  let bytesPerRow: Int
  let width: Int
  let height: Int
  let repeats: Bool

  init(source: PixelView, border: Border) {
    base = source.base.assumingMemoryBound(to: UInt8.self)
    bytesPerRow = source.bytesPerRow
    width = source.size.width
    height = source.size.height
    repeats = border == .repeated
  }

  /// Writes the pixel at (`xSteps`, `ySteps`), in 1/32 pixels, to `out`.
  @inline(__always)
  func sample(_ xSteps: Int, _ ySteps: Int, _ out: UnsafeMutablePointer<UInt8>) {
    let x = max(-32768, min(32767, xSteps >> 5))
    let y = max(-32768, min(32767, ySteps >> 5))
    let right = Int32(truncatingIfNeeded: xSteps & 31)
    let down = Int32(truncatingIfNeeded: ySteps & 31)
    let weights = (
      (32 - right) * (32 - down), right * (32 - down), (32 - right) * down, right * down
    )
    let (p0, p1, p2, p3) = (pixel(x, y), pixel(x + 1, y), pixel(x, y + 1), pixel(x + 1, y + 1))
    for channel in 0..<3 {
      let sum =
        weights.0 * level(p0, channel) + weights.1 * level(p1, channel)
        + weights.2 * level(p2, channel) + weights.3 * level(p3, channel)
      out[channel] = UInt8(truncatingIfNeeded: (sum + 512) >> 10)
    }
    out[3] = 255
  }

  /// The offset of a pixel; nil for the black beyond the picture.
  @inline(__always)
  private func pixel(_ x: Int, _ y: Int) -> UnsafePointer<UInt8>? {
    if x >= 0, y >= 0, x < width, y < height {
      return base + y * bytesPerRow + 4 * x
    }
    guard repeats else { return nil }
    return base + max(0, min(height - 1, y)) * bytesPerRow + 4 * max(0, min(width - 1, x))
  }

  @inline(__always)
  private func level(_ pixel: UnsafePointer<UInt8>?, _ channel: Int) -> Int32 {
    guard let pixel else { return 0 }
    return Int32(pixel[channel])
  }
}
