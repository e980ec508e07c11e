// Pictures as an app has them: pixel buffers of other formats, a `CGImage`, any orientation.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  #if canImport(CoreVideo)
    import CoreVideo
  #endif
  #if canImport(CoreGraphics)
    import CoreGraphics
  #endif
  #if canImport(ImageIO)
    import ImageIO
  #endif

  /// Writes `picture` upright into `target`, a 32BGRA buffer of the upright size.
  ///
  /// Throws `PalmError.invalidImage` for a pixel format that is not supported, or if
  /// a buffer cannot be locked.
  func writeUpright(
    _ picture: CVPixelBuffer, _ orientation: ImageOrientation, to target: CVPixelBuffer
  ) throws {
    guard CVPixelBufferLockBaseAddress(picture, .readOnly) == kCVReturnSuccess else {
      throw PalmError.invalidImage("the pixel buffer cannot be locked for reading")
    }
    defer { CVPixelBufferUnlockBaseAddress(picture, .readOnly) }
    let view = try pictureView(picture)
    try withMutablePixels(of: target) { base, _, bytesPerRow in
      view.writeUpright(orientation, to: base, bytesPerRow: bytesPerRow)
    }
  }

  /// The pixels of a locked buffer.
  private func pictureView(_ buffer: CVPixelBuffer) throws -> PictureView {
    let format = CVPixelBufferGetPixelFormatType(buffer)
    switch format {
    case kCVPixelFormatType_32BGRA: return try packed(buffer, .bgra)
    case kCVPixelFormatType_32RGBA: return try packed(buffer, .rgba)
    case kCVPixelFormatType_32ARGB: return try packed(buffer, .argb)
    case kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: return try biPlanar(buffer, false)
    case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: return try biPlanar(buffer, true)
    default:
      throw PalmError.invalidImage(
        "the pixel buffer is \(formatName(format)), expected 32BGRA, 32RGBA, 32ARGB, 420v or 420f; "
          + "set kCVPixelBufferPixelFormatTypeKey of the camera's videoSettings to "
          + "kCVPixelFormatType_32BGRA")
    }
  }

  private func packed(_ buffer: CVPixelBuffer, _ order: ByteOrder) throws -> PictureView {
    guard let base = CVPixelBufferGetBaseAddress(buffer) else {
      throw PalmError.invalidImage("the pixel buffer has no memory to read")
    }
    let view = try PixelView(
      base: base, size: pixelSize(of: buffer), bytesPerRow: CVPixelBufferGetBytesPerRow(buffer))
    return .packed(view, order)
  }

  private func biPlanar(_ buffer: CVPixelBuffer, _ fullRange: Bool) throws -> PictureView {
    guard let luma = CVPixelBufferGetBaseAddressOfPlane(buffer, 0),
      let chroma = CVPixelBufferGetBaseAddressOfPlane(buffer, 1)
    else { throw PalmError.invalidImage("the pixel buffer has no memory to read") }
    return .biPlanar(
      try BiPlanarView(
        luma: luma, lumaBytesPerRow: CVPixelBufferGetBytesPerRowOfPlane(buffer, 0),
        chroma: chroma, chromaBytesPerRow: CVPixelBufferGetBytesPerRowOfPlane(buffer, 1),
        size: pixelSize(of: buffer), matrix: try matrix(of: buffer), fullRange: fullRange))
  }

  /// The matrix that the buffer names; BT.601 if it names none.
  private func matrix(of buffer: CVPixelBuffer) throws -> YCbCrMatrix {
    guard
      let name = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil) as? String
    else { return .bt601 }
    let matrices: [String: YCbCrMatrix] = [
      kCVImageBufferYCbCrMatrix_ITU_R_601_4 as String: .bt601,
      kCVImageBufferYCbCrMatrix_ITU_R_709_2 as String: .bt709,
      kCVImageBufferYCbCrMatrix_ITU_R_2020 as String: .bt2020,
    ]
    guard let matrix = matrices[name] else {
      throw PalmError.invalidImage(
        "the pixel buffer's matrix is \(name), expected BT.601, BT.709 or BT.2020; convert it to "
          + "32BGRA")
    }
    return matrix
  }

  #if canImport(CoreGraphics)
    /// A new 32BGRA buffer with the pixels of `image`, in sRGB; what is transparent becomes black.
    ///
    /// Throws `PalmError.invalidImage` if the system gives no buffer or no context.
    public func makePixelBuffer(_ image: CGImage) throws -> CVPixelBuffer {
      let buffer = try makePixelBuffer(ImageSize(width: image.width, height: image.height))
      try withMutablePixels(of: buffer) { base, size, bytesPerRow in
        let layout =
          CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
          let context = CGContext(
            data: base, width: size.width, height: size.height, bitsPerComponent: 8,
            bytesPerRow: bytesPerRow, space: space, bitmapInfo: layout)
        else {
          throw PalmError.invalidImage(
            "cannot draw a picture of \(size.width) × \(size.height) pixels; make it smaller")
        }
        context.draw(image, in: CGRect(x: 0, y: 0, width: size.width, height: size.height))
      }
      return buffer
    }

    extension HandTracker {
      /// The hands in a `CGImage`, such as a `UIImage`'s; otherwise as
      /// ``hands(in:orientation:)-(CVPixelBuffer,_)``.
      public func hands(
        in image: CGImage, orientation: ImageOrientation = .up
      ) throws -> [Hand] {
        try hands(in: makePixelBuffer(image), orientation: orientation)
      }
    }
  #endif

  #if canImport(ImageIO)
    extension ImageOrientation {
      /// The orientation that Vision, Core Image and ImageIO use.
      public init(_ orientation: CGImagePropertyOrientation) {
        self = ImageOrientation(rawValue: orientation.rawValue) ?? .up
      }
    }
  #endif
#endif
