// What PalmKit uses of Core Graphics, as Apple's documentation declares it. Nothing runs.

import Foundation

/// https://developer.apple.com/documentation/corefoundation/cfstring
///
/// Swift bridges it with `as`, which Linux cannot; so it is `String` here.
public typealias CFString = String
/// https://developer.apple.com/documentation/corefoundation/cfdictionary
public typealias CFDictionary = [String: Any]

/// https://developer.apple.com/documentation/coregraphics/cgimage
public class CGImage {
  init() {}
  /// https://developer.apple.com/documentation/coregraphics/cgimage/width
  public var width: Int { fatalError() }
  /// https://developer.apple.com/documentation/coregraphics/cgimage/height
  public var height: Int { fatalError() }
}

/// https://developer.apple.com/documentation/coregraphics/cgcolorspace
public class CGColorSpace {
  /// https://developer.apple.com/documentation/coregraphics/cgcolorspace/init(name:)
  public init?(name: CFString) { fatalError() }
  /// https://developer.apple.com/documentation/coregraphics/cgcolorspace/srgb
  public class var sRGB: CFString { fatalError() }
}

/// https://developer.apple.com/documentation/coregraphics/cgimagealphainfo
public enum CGImageAlphaInfo: UInt32, Sendable {
  case none = 0
  case premultipliedLast = 1
  case premultipliedFirst = 2
  case last = 3
  case first = 4
  case noneSkipLast = 5
  case noneSkipFirst = 6
  case alphaOnly = 7
}

/// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo
public struct CGBitmapInfo: OptionSet, Sendable {
  /// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo
  public let rawValue: UInt32
  /// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo/init(rawvalue:)
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo/byteorder32little
  public static var byteOrder32Little: CGBitmapInfo { fatalError() }
}

/// https://developer.apple.com/documentation/coregraphics/cgcontext
public class CGContext {
  /// https://developer.apple.com/documentation/coregraphics/cgcontext/init(data:width:height:bitspercomponent:bytesperrow:space:bitmapinfo:)
  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
    bytesPerRow: Int, space: CGColorSpace, bitmapInfo: UInt32
  ) { fatalError() }
  /// https://developer.apple.com/documentation/coregraphics/cgcontext/draw(_:in:bytiling:)
  public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) { fatalError() }
}
