// Pictures of other formats → upright BGRA, which is what everything else reads.

/// The positions of blue, green and red in the four bytes of a pixel.
public struct ByteOrder: Equatable, Sendable {
  let blue: Int
  let green: Int
  let red: Int

  /// Blue, green, red, alpha: `kCVPixelFormatType_32BGRA`.
  public static let bgra = ByteOrder(blue: 0, green: 1, red: 2)
  /// Red, green, blue, alpha: `kCVPixelFormatType_32RGBA`.
  public static let rgba = ByteOrder(blue: 2, green: 1, red: 0)
  /// Alpha, red, green, blue: `kCVPixelFormatType_32ARGB`.
  public static let argb = ByteOrder(blue: 3, green: 2, red: 1)
}

/// How luma and chroma are computed from red, green and blue: ITU-R's recommendations.
public enum YCbCrMatrix: Sendable {
  /// ITU-R BT.601, standard definition.
  case bt601
  /// ITU-R BT.709, high definition.
  case bt709
  /// ITU-R BT.2020, ultra-high definition.
  case bt2020

  /// The shares of red and of blue in luma.
  var shares: (red: Float, blue: Float) {
    switch self {
    case .bt601: (0.299, 0.114)
    case .bt709: (0.2126, 0.0722)
    case .bt2020: (0.2627, 0.0593)
    }
  }
}

/// A picture in two planes of 8 bits, as cameras give it: luma, and Cb and Cr in turn at half the
/// width and height.
public struct BiPlanarView {
  let luma: UnsafeRawPointer
  let lumaBytesPerRow: Int
  let chroma: UnsafeRawPointer
  let chromaBytesPerRow: Int
  /// Width and height in pixels.
  public let size: ImageSize
  let matrix: YCbCrMatrix
  let fullRange: Bool

  /// A view of two planes. `fullRange`: luma has levels 0…255; otherwise 16…235, chroma 16…240.
  ///
  /// Throws ``PalmError/invalidImage(_:)`` if the rows are shorter than their pixels.
  public init(
    luma: UnsafeRawPointer, lumaBytesPerRow: Int, chroma: UnsafeRawPointer, chromaBytesPerRow: Int,
    size: ImageSize, matrix: YCbCrMatrix, fullRange: Bool
  ) throws {
    guard size.width > 0, size.height > 0, lumaBytesPerRow >= size.width,
      chromaBytesPerRow >= (size.width + 1) / 2 * 2
    else {
      throw PalmError.invalidImage(
        "a picture of \(size.width) × \(size.height) pixels with \(lumaBytesPerRow) and "
          + "\(chromaBytesPerRow) bytes per row cannot be read; give whole planes of 8 bits")
    }
    self.luma = luma
    self.lumaBytesPerRow = lumaBytesPerRow
    self.chroma = chroma
    self.chromaBytesPerRow = chromaBytesPerRow
    self.size = size
    self.matrix = matrix
    self.fullRange = fullRange
  }
}

/// A picture to be made upright BGRA.
public enum PictureView {
  /// Four bytes a pixel, in any order.
  case packed(PixelView, ByteOrder)
  /// Luma and chroma.
  case biPlanar(BiPlanarView)

  /// Width and height in pixels, as stored.
  public var size: ImageSize {
    switch self {
    case .packed(let view, _): view.size
    case .biPlanar(let view): view.size
    }
  }

  /// Writes the picture upright to `target`, as opaque BGRA with `bytesPerRow` bytes per row:
  /// `orientation.upright(size)` pixels. Chroma is that of the nearest pixel.
  public func writeUpright(
    _ orientation: ImageOrientation, to target: UnsafeMutableRawPointer, bytesPerRow: Int
  ) {
    switch self {
    case .packed(let view, let order):
      let base = view.base.assumingMemoryBound(to: UInt8.self)
      each(orientation, target, bytesPerRow) { x, y, out in
        let pixel = base + y * view.bytesPerRow + 4 * x
        (out[0], out[1], out[2]) = (pixel[order.blue], pixel[order.green], pixel[order.red])
      }
    case .biPlanar(let view):
      let decoder = YCbCrDecoder(view.matrix, fullRange: view.fullRange)
      let luma = view.luma.assumingMemoryBound(to: UInt8.self)
      let chroma = view.chroma.assumingMemoryBound(to: UInt8.self)
      each(orientation, target, bytesPerRow) { x, y, out in
        let pair = chroma + y / 2 * view.chromaBytesPerRow + x / 2 * 2
        decoder.decode(luma[y * view.lumaBytesPerRow + x], pair[0], pair[1], out)
      }
    }
  }

  @inline(__always)
  private func each(
    _ orientation: ImageOrientation, _ target: UnsafeMutableRawPointer, _ bytesPerRow: Int,
    _ body: (Int, Int, UnsafeMutablePointer<UInt8>) -> Void
  ) {
    let (stored, upright) = (size, orientation.upright(size))
    for y in 0..<upright.height {
      var out = (target + y * bytesPerRow).assumingMemoryBound(to: UInt8.self)
      for x in 0..<upright.width {
        let place = orientation.stored(x, y, in: stored)
        body(place.x, place.y, out)
        out[3] = 255
        out += 4
      }
    }
  }
}

/// Luma and chroma → blue, green, red, rounded to whole levels.
private struct YCbCrDecoder {
  private let lumaScale: Float
  private let black: Float
  private let redOfCr: Float
  private let blueOfCb: Float
  private let greenOfCr: Float
  private let greenOfCb: Float

  init(_ matrix: YCbCrMatrix, fullRange: Bool) {
    let (red, blue) = matrix.shares
    let green = 1 - red - blue
    let chromaScale: Float = fullRange ? 1 : 255 / 224
    lumaScale = fullRange ? 1 : 255 / 219
    black = fullRange ? 0 : 16
    redOfCr = 2 * (1 - red) * chromaScale
    blueOfCb = 2 * (1 - blue) * chromaScale
    greenOfCr = redOfCr * red / green
    greenOfCb = blueOfCb * blue / green
  }

  @inline(__always)
  func decode(_ y: UInt8, _ cb: UInt8, _ cr: UInt8, _ out: UnsafeMutablePointer<UInt8>) {
    let luma = (Float(y) - black) * lumaScale
    let (cb, cr) = (Float(cb) - 128, Float(cr) - 128)
    out[0] = level(luma + blueOfCb * cb)
    out[1] = level(luma - greenOfCb * cb - greenOfCr * cr)
    out[2] = level(luma + redOfCr * cr)
  }

  @inline(__always)
  private func level(_ value: Float) -> UInt8 {
    UInt8(max(0, min(255, value.rounded())))
  }
}
