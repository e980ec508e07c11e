// How a rectangle round a palm or a hand becomes the region that the landmark model looks at.
//
// The values stand in MediaPipe's graphs: modules/hand_landmark/palm_detection_detection_to_roi
// .pbtxt and hand_landmark_landmarks_to_roi.pbtxt; each generation of releases has its own.

/// A point and how much it counts in a mean.
public struct WeightedPoint: Equatable, Sendable, Codable {
  /// The point's index.
  public var point: Int
  /// Its share; the shares of a mean sum to 1.
  public var weight: Float

  /// `point` counts by `weight`.
  public init(_ point: Int, _ weight: Float) {
    self.point = point
    self.weight = weight
  }
}

/// The rectangle round some points is turned, shifted by fractions of its size, squared on its
/// long side and scaled.
public struct RegionRule: Equatable, Sendable, Codable {
  /// The point at which the hand's axis starts: the wrist.
  public var start: Int
  /// The axis goes to the weighted mean of these points.
  public var towards: [WeightedPoint]
  /// The angle of the axis in an upright hand, in degrees counter-clockwise from the right.
  public var targetDegrees: Float
  /// By how much the square is larger than the rectangle, in x and y.
  public var scale: SIMD2<Float>
  /// By how much it is moved along its own axes, in fractions of its size.
  public var shift: SIMD2<Float>
  /// The landmarks that the rectangle encloses; none: all of them.
  public var box: [Int]
  /// The rectangle is measured along the turned axes; else upright, and then turned.
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

  /// Of every palm detector.
  public static let palm = RegionRule(
    start: 0, towards: [WeightedPoint(2, 1)], targetDegrees: 90, scale: SIMD2(2.6, 2.6),
    shift: SIMD2(0, -0.5))

  /// Of landmark models since 2020-11: from a hand's landmarks to where it is in the next frame.
  public static let hand = RegionRule(
    start: 0, towards: [WeightedPoint(5, 0.25), WeightedPoint(9, 0.5), WeightedPoint(13, 0.25)],
    targetDegrees: 90, scale: SIMD2(2, 2), shift: SIMD2(0, -0.1), box: steadyPoints, turned: true)

  /// Of the landmark model of 2020-05.
  public static let hand2020May = RegionRule(
    start: 0, towards: hand.towards, targetDegrees: 90, scale: SIMD2(2.1, 2.1),
    shift: SIMD2(0, -0.1), box: steadyPoints)

  /// Of the landmark models of 2019-08.
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
