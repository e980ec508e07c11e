// What PalmKit uses of Core Video, as Apple's documentation declares it. Nothing runs.

@_exported import CoreGraphics  // as Apple's brings Core Foundation's types

/// https://developer.apple.com/documentation/kernel/ostype
public typealias OSType = UInt32
/// https://developer.apple.com/documentation/corevideo/cvreturn
public typealias CVReturn = Int32
/// https://developer.apple.com/documentation/corevideo/kcvreturnsuccess
public var kCVReturnSuccess: CVReturn { 0 }
/// https://developer.apple.com/documentation/corefoundation/cfallocator
public class CFAllocator {
  init() {}
}

/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32bgra
public var kCVPixelFormatType_32BGRA: OSType { 0x4247_5241 }
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32rgba
public var kCVPixelFormatType_32RGBA: OSType { 0x5247_4241 }
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32argb
public var kCVPixelFormatType_32ARGB: OSType { 0x0000_0020 }
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_420ypcbcr8biplanarvideorange
public var kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: OSType { 0x3432_3076 }
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_420ypcbcr8biplanarfullrange
public var kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType { 0x3432_3066 }
/// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_onecomponent8
public var kCVPixelFormatType_OneComponent8: OSType { 0x4C30_3038 }

/// https://developer.apple.com/documentation/corevideo/kcvpixelbufferiosurfacepropertieskey
public let kCVPixelBufferIOSurfacePropertiesKey: CFString = ""
/// https://developer.apple.com/documentation/corevideo/kcvpixelbufferpixelformattypekey
public let kCVPixelBufferPixelFormatTypeKey: CFString = ""
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrixkey
public let kCVImageBufferYCbCrMatrixKey: CFString = ""
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_601_4
public let kCVImageBufferYCbCrMatrix_ITU_R_601_4: CFString = ""
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_709_2
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2: CFString = ""
/// https://developer.apple.com/documentation/corevideo/kcvimagebufferycbcrmatrix_itu_r_2020
public let kCVImageBufferYCbCrMatrix_ITU_R_2020: CFString = ""

/// https://developer.apple.com/documentation/corevideo/cvbuffer
public class CVBuffer {
  init() {}
}
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffer
public typealias CVPixelBuffer = CVBuffer

/// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags
  public let rawValue: UInt64
  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags/init(rawvalue:)
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags/readonly
  public static var readOnly: CVPixelBufferLockFlags { fatalError() }
}

/// https://developer.apple.com/documentation/corevideo/cvattachmentmode
public enum CVAttachmentMode: UInt32, Sendable {
  case shouldNotPropagate = 0
  case shouldPropagate = 1
}

/// https://developer.apple.com/documentation/corevideo/cvpixelbuffercreate(_:_:_:_:_:_:)
public func CVPixelBufferCreate(
  _ allocator: CFAllocator?, _ width: Int, _ height: Int, _ pixelFormatType: OSType,
  _ pixelBufferAttributes: CFDictionary?,
  _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockbaseaddress(_:_:)
@discardableResult
public func CVPixelBufferLockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags
) -> CVReturn { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbufferunlockbaseaddress(_:_:)
@discardableResult
public func CVPixelBufferUnlockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags
) -> CVReturn { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbaseaddress(_:)
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
  fatalError()
}
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbytesperrow(_:)
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbaseaddressofplane(_:_:)
public func CVPixelBufferGetBaseAddressOfPlane(
  _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> UnsafeMutableRawPointer? { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbytesperrowofplane(_:_:)
public func CVPixelBufferGetBytesPerRowOfPlane(
  _ pixelBuffer: CVPixelBuffer, _ planeIndex: Int
) -> Int { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetwidth(_:)
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetheight(_:)
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetpixelformattype(_:)
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType {
  fatalError()
}
/// https://developer.apple.com/documentation/corevideo/cvbuffersetattachment(_:_:_:_:)
public func CVBufferSetAttachment(
  _ buffer: CVBuffer, _ key: CFString, _ value: Any, _ attachmentMode: CVAttachmentMode
) { fatalError() }
/// https://developer.apple.com/documentation/corevideo/cvbuffercopyattachment(_:_:_:)
public func CVBufferCopyAttachment(
  _ buffer: CVBuffer, _ key: CFString, _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?
) -> AnyObject? { fatalError() }
