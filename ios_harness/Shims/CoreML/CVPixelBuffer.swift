// Pixel buffers, which are part of Core Video on Apple's systems.

import Foundation

/// https://developer.apple.com/documentation/corevideo/cvreturn
public typealias CVReturn = Int32
/// https://developer.apple.com/documentation/corevideo/kcvreturnsuccess
public let kCVReturnSuccess: CVReturn = 0
/// https://developer.apple.com/documentation/kernel/ostype
public typealias OSType = UInt32
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32bgra
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32rgba
public let kCVPixelFormatType_32RGBA: OSType = 0x5247_4241
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32argb
public let kCVPixelFormatType_32ARGB: OSType = 0x0000_0020
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_420ypcbcr8biplanarvideorange
public let kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: OSType = 0x3432_3076
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_420ypcbcr8biplanarfullrange
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = 0x3432_3066
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_onecomponent8
public let kCVPixelFormatType_OneComponent8: OSType = 0x4C30_3038

/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrixkey
public let kCVImageBufferYCbCrMatrixKey = "CVImageBufferYCbCrMatrix"
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_601_4
public let kCVImageBufferYCbCrMatrix_ITU_R_601_4 = "ITU_R_601_4"
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_709_2
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2 = "ITU_R_709_2"
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_2020
public let kCVImageBufferYCbCrMatrix_ITU_R_2020 = "ITU_R_2020"

/// https://developer.apple.com/documentation/corevideo/cvattachmentmode
public enum CVAttachmentMode: UInt32, Sendable {
  case shouldNotPropagate = 0
  case shouldPropagate = 1
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags
  public let rawValue: UInt64

  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags/init(rawvalue:)
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags/readonly
  public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffer
///
/// Rows are padded to 64 bytes, as on a device.
public final class CVPixelBuffer {
  fileprivate let width: Int
  fileprivate let height: Int
  fileprivate let format: UInt32
  fileprivate let bytesPerRow: Int
  fileprivate let base: UnsafeMutableRawPointer
  fileprivate var locks = 0
  fileprivate var attachments: [String: Any] = [:]
  /// Luma and chroma have as many bytes per row: a chroma row has half as many pairs.
  fileprivate var isBiPlanar: Bool {
    format == kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange
      || format == kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
  }

  fileprivate init(width: Int, height: Int, format: UInt32) {
    self.width = width
    self.height = height
    self.format = format
    bytesPerRow = (4 * width + 63) / 64 * 64
    // enough for four bytes a pixel, and for both planes
    base = .allocate(byteCount: bytesPerRow * height, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: bytesPerRow * height)
  }

  deinit {
    base.deallocate()
  }
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffercreate(_:_:_:_:_:_:)
public func CVPixelBufferCreate(
  _ allocator: AnyObject?, _ width: Int, _ height: Int, _ pixelFormatType: UInt32,
  _ pixelBufferAttributes: [String: Any]?, _ pixelBufferOut: inout CVPixelBuffer?
) -> CVReturn {
  guard width > 0, height > 0 else { return -6680 }
  pixelBufferOut = CVPixelBuffer(width: width, height: height, format: pixelFormatType)
  return kCVReturnSuccess
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockbaseaddress(_:_:)
@discardableResult
public func CVPixelBufferLockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags
) -> CVReturn {
  pixelBuffer.locks += 1
  return kCVReturnSuccess
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbufferunlockbaseaddress(_:_:)
@discardableResult
public func CVPixelBufferUnlockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags
) -> CVReturn {
  guard pixelBuffer.locks > 0 else { return -6662 }
  pixelBuffer.locks -= 1
  return kCVReturnSuccess
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbaseaddress(_:)
///
/// Nil while the buffer is not locked, as on a device.
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
  pixelBuffer.locks > 0 ? pixelBuffer.base : nil
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbytesperrow(_:)
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int {
  pixelBuffer.bytesPerRow
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetwidth(_:)
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int {
  pixelBuffer.width
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetheight(_:)
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int {
  pixelBuffer.height
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetpixelformattype(_:)
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> UInt32 {
  pixelBuffer.format
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbaseaddressofplane(_:_:)
///
/// Nil while the buffer is not locked, and if it has no such plane.
public func CVPixelBufferGetBaseAddressOfPlane(
  _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> UnsafeMutableRawPointer? {
  guard pixelBuffer.locks > 0, pixelBuffer.isBiPlanar, planeIndex < 2 else { return nil }
  return pixelBuffer.base + planeIndex * pixelBuffer.height * pixelBuffer.bytesPerRow / 2
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbytesperrowofplane(_:_:)
public func CVPixelBufferGetBytesPerRowOfPlane(
  _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> Int {
  pixelBuffer.isBiPlanar ? pixelBuffer.bytesPerRow / 2 : 0
}

/// https://developer.apple.com/documentation/corevideo/cvbuffersetattachment(_:_:_:_:)
public func CVBufferSetAttachment(
  _ buffer: CVPixelBuffer, _ key: String, _ value: Any, _ attachmentMode: CVAttachmentMode
) {
  buffer.attachments[key] = value
}

/// https://developer.apple.com/documentation/corevideo/cvbuffercopyattachment(_:_:_:)
public func CVBufferCopyAttachment(
  _ buffer: CVPixelBuffer, _ key: String,
  _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?
) -> Any? {
  buffer.attachments[key]
}
