// How a stored picture is turned to be seen upright: EXIF's eight orientations, under the names of
// `CGImagePropertyOrientation`, which Vision takes.

/// An orientation; raw values are EXIF's, 1 to 8.
public enum ImageOrientation: UInt32, CaseIterable, Sendable {
  /// Stored as seen.
  case up = 1
  /// Mirrored left to right.
  case upMirrored = 2
  /// Upside down.
  case down = 3
  /// Mirrored top to bottom.
  case downMirrored = 4
  /// Rows and columns swapped.
  case leftMirrored = 5
  /// The first row is seen on the right: a phone's back camera held upright.
  case right = 6
  /// Rows and columns swapped, and upside down.
  case rightMirrored = 7
  /// The first row is seen on the left.
  case left = 8

  /// Whether width and height are swapped.
  public var swapsSides: Bool { rawValue >= 5 }

  /// The upright size of a picture stored as `size`.
  public func upright(_ size: ImageSize) -> ImageSize {
    swapsSides ? ImageSize(width: size.height, height: size.width) : size
  }

  /// The stored pixel that is seen at (`x`, `y`) of the upright picture. `size` is as stored.
  @inline(__always)
  public func stored(_ x: Int, _ y: Int, in size: ImageSize) -> (x: Int, y: Int) {
    let (right, bottom) = (size.width - 1, size.height - 1)
    return switch self {
    case .up: (x, y)
    case .upMirrored: (right - x, y)
    case .down: (right - x, bottom - y)
    case .downMirrored: (x, bottom - y)
    case .leftMirrored: (y, x)
    case .right: (y, bottom - x)
    case .rightMirrored: (right - y, bottom - x)
    case .left: (right - y, x)
    }
  }
}
