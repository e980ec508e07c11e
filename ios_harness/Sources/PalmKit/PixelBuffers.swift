// Reading and writing pixel buffers: 32BGRA, with the system's row padding.

#if canImport(CoreML)
  import CoreML
  import Foundation
  import PalmCore

  #if canImport(CoreVideo)
    import CoreVideo
  #endif

  /// A new 32BGRA buffer of `size` pixels that the GPU and the Neural Engine can read without a
  /// copy.
  ///
  /// Throws `PalmError.invalidImage` if the system returns none.
  public func makePixelBuffer(_ size: ImageSize) throws -> CVPixelBuffer {
    var buffer: CVPixelBuffer?
    #if canImport(CoreVideo)
      let attributes =
        [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()] as CFDictionary
    #else
      let attributes: [String: Any]? = nil
    #endif
    let status = CVPixelBufferCreate(
      nil, size.width, size.height, kCVPixelFormatType_32BGRA, attributes, &buffer)
    guard status == kCVReturnSuccess, let buffer else {
      throw PalmError.invalidImage(
        "cannot make a pixel buffer of \(size.width) × \(size.height) pixels (CVReturn \(status))")
    }
    return buffer
  }

  /// A new buffer with the pixels of `image`.
  ///
  /// Throws `PalmError.invalidImage` if the system returns none.
  public func makePixelBuffer(_ image: BGRAImage) throws -> CVPixelBuffer {
    let buffer = try makePixelBuffer(image.size)
    let row = 4 * image.size.width
    try withMutablePixels(of: buffer) { base, _, bytesPerRow in
      image.bytes.withUnsafeBytes { source in
        guard let start = source.baseAddress else { return }
        for y in 0..<image.size.height {
          (base + y * bytesPerRow).copyMemory(from: start + y * row, byteCount: row)
        }
      }
    }
    return buffer
  }

  /// The size of a buffer in pixels.
  public func pixelSize(of buffer: CVPixelBuffer) -> ImageSize {
    ImageSize(width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer))
  }

  /// Gives access to the pixels of a 32BGRA buffer for reading.
  ///
  /// Throws `PalmError.invalidImage` for another pixel format, or if the buffer
  /// cannot be locked.
  func withPixels<R>(of buffer: CVPixelBuffer, _ body: (PixelView) throws -> R) throws -> R {
    try checkFormat(buffer)
    guard CVPixelBufferLockBaseAddress(buffer, .readOnly) == kCVReturnSuccess else {
      throw PalmError.invalidImage("the pixel buffer cannot be locked for reading")
    }
    defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
    guard let base = CVPixelBufferGetBaseAddress(buffer) else {
      throw PalmError.invalidImage("the pixel buffer has no memory to read")
    }
    return try body(
      PixelView(
        base: base, size: pixelSize(of: buffer), bytesPerRow: CVPixelBufferGetBytesPerRow(buffer)))
  }

  /// Gives access to the pixels of a 32BGRA buffer for writing: first byte, size, bytes per row.
  func withMutablePixels<R>(
    of buffer: CVPixelBuffer, _ body: (UnsafeMutableRawPointer, ImageSize, Int) throws -> R
  ) throws -> R {
    try checkFormat(buffer)
    guard CVPixelBufferLockBaseAddress(buffer, []) == kCVReturnSuccess else {
      throw PalmError.invalidImage("the pixel buffer cannot be locked for writing")
    }
    defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
    guard let base = CVPixelBufferGetBaseAddress(buffer) else {
      throw PalmError.invalidImage("the pixel buffer has no memory to write")
    }
    return try body(base, pixelSize(of: buffer), CVPixelBufferGetBytesPerRow(buffer))
  }

  /// Draws `region` of one buffer into the whole of another, and returns its letterbox there.
  func draw(
    _ source: CVPixelBuffer, region: PixelRegion, border: Border, into target: CVPixelBuffer
  ) throws -> Letterbox {
    try withPixels(of: source) { view in
      try withMutablePixels(of: target) { base, size, bytesPerRow in
        let (grown, letterbox) = try region.padded(to: size)
        try warp(
          view, region: grown, border: border, into: base, targetSize: size,
          targetBytesPerRow: bytesPerRow)
        return letterbox
      }
    }
  }

  private func checkFormat(_ buffer: CVPixelBuffer) throws {
    let format = CVPixelBufferGetPixelFormatType(buffer)
    guard format == kCVPixelFormatType_32BGRA else {
      throw PalmError.invalidImage(
        "the pixel buffer is \(formatName(format)), expected 32BGRA; set "
          + "kCVPixelBufferPixelFormatTypeKey of the camera's videoSettings to "
          + "kCVPixelFormatType_32BGRA")
    }
  }

  /// A format's four letters.
  func formatName(_ format: OSType) -> String {
    withUnsafeBytes(of: format.bigEndian) { String(decoding: $0, as: UTF8.self) }
  }
#endif
