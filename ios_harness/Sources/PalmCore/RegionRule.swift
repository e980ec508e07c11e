// The rule from a rectangle round a palm or a hand to the landmark model's region.
//
// The values come from MediaPipe's graphs: modules/hand_landmark/palm_detection_detection_to_roi
// .pbtxt and hand_landmark_landmarks_to_roi.pbtxt; each generation of releases has its own.

/// A point and its weight in a mean.
public struct WeightedPoint: Equatable, Sendable, Codable {
  /// The point's index.
  public var point: Int
  /// Its weight; the weights of a mean sum to 1.
  public var weight: Float

  /// `point` with `weight`.
  public init(_ point: Int, _ weight: Float) {
    self.point = point
    self.weight = weight
  }
}

/// Rotates the rectangle round some points, shifts it by fractions of its size, squares it on its
/// long side and scales it.
public struct RegionRule: Equatable, Sendable, Codable {
  /// The point at which the hand's axis starts: the wrist.
  public var start: Int
  /// The axis goes to the weighted mean of these points.
  public var towards: [WeightedPoint]
  /// The angle of the axis in an upright hand, in degrees counter-clockwise from the right.
  public var targetDegrees: Float
  /// The scale from the rectangle to the square, in x and y.
  public var scale: SIMD2<Float>
  /// The shift along its own axes, in fractions of its size.
  public var shift: SIMD2<Float>
  /// The landmarks that the rectangle encloses; empty for all of them.
  public var box: [Int]
  /// Whether to measure the rectangle along the rotated axes; if not, upright, then rotated.
  public var turned: Bool

  /// A rule with all its values.
  public init(
    start: Int, towards: [WeightedPoint], targetDegrees: Float, scale: SIMD2<Float>,
    shift: SIMD2<Float>, box: [Int] = [], turned: Bool = false
  ) {
    self.start = start
    self.towards = towards
    self.targetDegrees = targetDegrees
    self.scale = scale
    self.shift = shift
    self.box = box
    self.turned = turned
  }

  /// The rule of every palm detector.
  public static let palm = RegionRule(
    start: 0, towards: [WeightedPoint(2, 1)], targetDegrees: 90, scale: SIMD2(2.6, 2.6),
    shift: SIMD2(0, -0.5))

  /// The rule of landmark models since 2020-11, from landmarks to the region in the next frame.
  public static let hand = RegionRule(
    start: 0, towards: [WeightedPoint(5, 0.25), WeightedPoint(9, 0.5), WeightedPoint(13, 0.25)],
    targetDegrees: 90, scale: SIMD2(2, 2), shift: SIMD2(0, -0.1), box: steadyPoints, turned: true)

  /// The rule of the landmark model of 2020-05.
  public static let hand2020May = RegionRule(
    start: 0, towards: hand.towards, targetDegrees: 90, scale: SIMD2(2.1, 2.1),
    shift: SIMD2(0, -0.1), box: steadyPoints)

  /// The rule of the landmark models of 2019-08.
  public static let hand2019August = RegionRule(
    start: 0, towards: [WeightedPoint(9, 1)], targetDegrees: 90, scale: SIMD2(1.6, 1.6),
    shift: SIMD2(0, 0))

  /// The rule of a landmark release by its registry name, such as `hand-full-2022`.
  public static func hand(release: String) -> RegionRule {
    if release.hasSuffix("2019-08") { return hand2019August }
    if release.hasSuffix("2020-05") { return hand2020May }
    return hand
  }

  /// Landmarks that are steadier from frame to frame than the finger tips.
  private static let steadyPoints = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
}
