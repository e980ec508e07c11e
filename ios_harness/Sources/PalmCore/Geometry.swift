// Sizes and rotated rectangles, used by every stage.
//
// Coordinates are normalised: x by the image's width, y by its height, from the top left.
// Angles are radians, clockwise as seen in the image.

/// The size of an image in pixels.
public struct ImageSize: Equatable, Hashable, Sendable, Codable {
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int

  /// A size of `width` × `height` pixels.
  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }
}

/// A rotated rectangle, normalised to the image; MediaPipe's `NormalizedRect`.
public struct Region: Equatable, Sendable, Codable {
  /// The centre's x, in image widths.
  public var xCenter: Float
  /// The centre's y, in image heights.
  public var yCenter: Float
  /// The width before rotation, in image widths.
  public var width: Float
  /// The height before rotation, in image heights.
  public var height: Float
  /// Radians clockwise, −π to π.
  public var rotation: Float

  /// A rectangle of `width` × `height` about a centre, rotated by `rotation`.
  public init(xCenter: Float, yCenter: Float, width: Float, height: Float, rotation: Float) {
    self.xCenter = xCenter
    self.yCenter = yCenter
    self.width = width
    self.height = height
    self.rotation = rotation
  }

  /// The four corners in the image, normalised: top left, top right, bottom right, bottom left
  /// of the upright hand.
  public func corners(in image: ImageSize) -> [SIMD2<Float>] {
    let size = SIMD2(Float(image.width), Float(image.height))
    let (sine, cosine) = sineAndCosine(rotation)
    return [(-1, -1), (1, -1), (1, 1), (-1, 1)].map { sides in
      let across = Float(sides.0) * width / 2 * size.x
      let down = Float(sides.1) * height / 2 * size.y
      let turned = SIMD2(cosine * across - sine * down, sine * across + cosine * down)
      return SIMD2(xCenter, yCenter) + turned / size
    }
  }
}

/// Intersection over union of two upright rectangles, 0…1; 0 if they do not overlap.
/// MediaPipe's `CalculateIou` (mediapipe/util/rectangle_util.cc).
func intersectionOverUnion(
  _ low: SIMD2<Float>, _ high: SIMD2<Float>, _ otherLow: SIMD2<Float>, _ otherHigh: SIMD2<Float>
) -> Float {
  let width = min(high.x, otherHigh.x) - max(low.x, otherLow.x)
  let height = min(high.y, otherHigh.y) - max(low.y, otherLow.y)
  guard width > 0, height > 0 else { return 0 }
  let overlap = width * height
  let area = (high.x - low.x) * (high.y - low.y)
  let otherArea = (otherHigh.x - otherLow.x) * (otherHigh.y - otherLow.y)
  let union = area + otherArea - overlap
  return union > 0 ? overlap / union : 0
}
