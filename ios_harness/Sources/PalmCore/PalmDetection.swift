// One palm: a box, keypoints and a score.

/// A palm in a picture. Coordinates are normalised and may lie outside 0…1.
public struct PalmDetection: Equatable, Sendable {
  /// The box's corner nearest to the origin: xmin, ymin.
  public var minimum: SIMD2<Float>
  /// The box's width and height. Stored instead of the far corner, as in MediaPipe, so that
  /// nothing is rounded twice.
  public var size: SIMD2<Float>
  /// Points on the palm; 0 is the wrist, 2 the base of the middle finger.
  public var keypoints: [SIMD2<Float>]
  /// The detector's confidence, 0…1.
  public var confidence: Float

  /// A palm from its box's corner and size.
  public init(
    minimum: SIMD2<Float>, size: SIMD2<Float>, keypoints: [SIMD2<Float>], confidence: Float
  ) {
    self.minimum = minimum
    self.size = size
    self.keypoints = keypoints
    self.confidence = confidence
  }

  /// The box's corner farthest from the origin: xmax, ymax.
  public var maximum: SIMD2<Float> {
    minimum + size
  }

  /// The same palm in the picture that was letterboxed.
  public func removing(_ letterbox: Letterbox) -> PalmDetection {
    PalmDetection(
      minimum: letterbox.toImage(minimum), size: letterbox.sizeToImage(size),
      keypoints: keypoints.map(letterbox.toImage), confidence: confidence)
  }

  /// Intersection over union of the boxes, 0…1.
  public func intersectionOverUnion(_ other: PalmDetection) -> Float {
    PalmCore.intersectionOverUnion(minimum, maximum, other.minimum, other.maximum)
  }
}
